*** Settings ***
Documentation    `auscult deploy` over the console of a running board, from another process: package, bundle and configuration
...              are sent, checked by SHA-256 on the board, and the pipeline passes its smoke test there. PYTHON has auscult.
Resource         ${CURDIR}/board.resource

*** Variables ***
${PORT}          34561

*** Test Cases ***
Deploy Over The Console
    Create Machine
    Need Files
    Load Flash    ${FILES}/empty.img
    Execute Command    emulation CreateServerSocketTerminal ${PORT} "console" false
    Execute Command    connector Connect ${UART} console
    Start Emulation
    ${done}=    Run Process    ${PYTHON}    -m    auscult_host.cli    deploy    ${FILES}/bundle
    ...    --device    socket://127.0.0.1:${PORT}    --config    ${FILES}/auscult.json    --no-start    --yes    --json
    ...    timeout=600s    stderr=STDOUT
    Log    ${done.stdout}
    Should Be Equal As Integers    ${done.rc}    0    ${done.stdout}
    Should Contain    ${done.stdout}    "switched": true
    Should Contain    ${done.stdout}    "smoke": true
