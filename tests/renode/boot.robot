*** Settings ***
Documentation    Boot, prompt, and files over the UART.
Resource         ${CURDIR}/board.resource

*** Test Cases ***
Boot With Empty Flash
    [Documentation]    The board makes its own file system: about 0.2 s of virtual time.
    Create Board
    Wait For Repl
    Write Line To Uart    print(6*7)
    Wait For Line On Uart    ^42$    treatAsRegex=true

Programs Over The Raw Repl
    Create Board
    Need Files
    Load Flash    ${FILES}/empty.img
    Wait For Repl
    Enter Raw Repl
    Run Raw    print("hello", 1 + 1)
    Wait For Line On Uart    hello 2
    Wait For Prompt On Uart    >
    Leave Raw Repl

A Bundle Over The Uart
    [Documentation]    The pipeline is sent over the raw REPL, loaded, and computes what the PC has computed: bit for bit.
    Create Board
    Need Files
    Load Flash    ${FILES}/package.img
    Wait For Repl
    Enter Raw Repl
    ${source}=    Get File    ${FILES}/upload.py
    Run Raw    ${source}
    Wait For Line On Uart    UPLOADED ${EXPECTED}[module_bytes]    timeout=60
    Wait For Prompt On Uart    >
    ${source}=    Get File    ${FILES}/smoke.py
    Run Raw    ${source}
    Wait For Line On Uart    SMOKE True    timeout=20
    Wait For Prompt On Uart    >
    Leave Raw Repl
