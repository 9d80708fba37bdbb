*** Settings ***
Documentation    A trial boot that fails goes back to what ran before.
Resource         ${CURDIR}/board.resource

*** Test Cases ***
A Model That Fails Its Smoke Test Is Rolled Back
    Create Board
    Need Files
    Load Flash    ${FILES}/rollback.img
    Load Sensor    ${FILES}/recording.i16
    ${back}=    Wait For Line On Uart    "rolled_back"
    Log To Console    ${back.Line}
    Should Contain    ${back.Line}    smoke test differs
    # the board has reset itself: the pair before runs again, and is not on trial
    ${line}=    Wait For Verdict    0
    Should Be Equal    ${line.Groups}[1]    ${EXPECTED}[verdicts][0]

A Trial That Was Reset Is Rolled Back
    [Documentation]    As after a watchdog or a lost supply: its one start has been used up.
    Create Board
    Need Files
    Load Flash    ${FILES}/used.img
    Load Sensor    ${FILES}/recording.i16
    ${back}=    Wait For Line On Uart    "rolled_back"
    Should Contain    ${back.Line}    reset before it was healthy
    Wait For Verdict    0
