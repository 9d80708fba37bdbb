*** Settings ***
Documentation    NUCLEO_F746ZG. FIRMWARE_F746: its MicroPython with MICROPY_HW_ENABLE_USB (0), prompt on UART3 as usual.
Resource         ${CURDIR}/board.resource

*** Variables ***
${FIRMWARE_F746}    ${EMPTY}

*** Test Cases ***
Boot And Prompt
    Skip If    $FIRMWARE_F746 == ''    give the firmware: --variable FIRMWARE_F746:/absolute/path/firmware.elf
    Set Test Variable    ${FIRMWARE}    ${FIRMWARE_F746}
    Set Test Variable    ${BOARD}    ${ROOT}/boards/NUCLEO_F746ZG
    Set Test Variable    ${UART}    sysbus.usart3
    Create Board
    Wait For Repl
    Write Line To Uart    import sys; print(sys.implementation._machine)
    Wait For Line On Uart    STM32F746
