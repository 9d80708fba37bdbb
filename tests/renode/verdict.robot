*** Settings ***
Documentation    The shipped node hears a recorded vibration and says what it means.
Resource         ${CURDIR}/board.resource

*** Test Cases ***
Every Window As On The PC
    [Documentation]    From memory, sample by sample the same: each window's verdict is the PC's, and none is lost. The pair of
    ...    package and model is on trial at first, and confirms itself.
    Create Board
    Need Files
    Load Flash    ${FILES}/verdict.img
    Load Sensor    ${FILES}/recording.i16
    Wait For Line On Uart    "confirmed"
    ${window}=    Set Variable    ${0}
    FOR    ${expected}    IN    @{EXPECTED}[verdicts]
        ${line}=    Wait For Verdict    ${window}
        Should Be Equal    ${line.Groups}[1]    ${expected}    window ${window}
        ${window}=    Evaluate    ${window} + 1
    END
    ${end}=    Wait For Line On Uart    recording ended
    Should Contain    ${end.Line}    "overruns": 0
    Should Contain    ${end.Line}    "dropped": 0
    ${count}=    Execute Command    sysbus.cpu ExecutedInstructions
    Log To Console    end at ${end.Timestamp} ms, instructions ${count.strip()}

Fault Is Told Soon After It Starts And Not Before
    [Documentation]    Through Renode's LIS2DW12 on I2C, which plays the recording in virtual time: the shipped driver, FIFO
    ...    bursts and all.
    Execute Command    include @${COMMON}/PolledI2C.cs
    Create Board
    Need Files
    Execute Command    sysbus Unregister sysbus.i2c1
    Execute Command    machine LoadPlatformDescription @${BOARD}/lis2dw12.repl
    Load Flash    ${FILES}/lis2dw12.img
    Wait For Prompt On Uart    READY
    Execute Command    sysbus.bus1.lis FeedAccelerationSamplesFromRESD @${FILES}/recording.resd
    Write Line To Uart
    ${first}=    Wait For Line On Uart    "s":"(\\w+)"    treatAsRegex=true
    Log To Console    ${first.Line}
    Should Be Equal    ${first.Groups}[0]    normal
    ${fault}=    Wait For Line On Uart    "s":"${EXPECTED}[fault]"    timeout=60
    ${delay}=    Evaluate    ${fault.Timestamp} - ${EXPECTED}[fault_at_ms]
    Log To Console    ${fault.Line}, ${delay} ms after the fault began
    Should Be True    0 < ${delay} <= ${EXPECTED}[within_ms]
