*** Settings ***
Documentation    `auscult simulate --simulator renode`: starts a Renode of its own, whose console is a pseudo-terminal, and plays the
...              scenario that tests/boards plays in QEMU. PYTHON has auscult.
Resource         ${CURDIR}/board.resource

*** Test Cases ***
The Same Scenario As In Qemu
    Need Firmware
    Need Files
    ${renode}=    Evaluate    shutil.which("renode")    modules=shutil
    Skip If    not $renode    there is no renode on PATH, only renode-test
    ${done}=    Run Process    ${PYTHON}    -m    auscult_host.cli    simulate    ${FILES}/fault.toml    --simulator    renode
    ...    --json    env:AUSCULT_RENODE_FIRMWARE=${FIRMWARE}    timeout=300s
    Log    ${done.stderr}
    Should Be Equal As Integers    ${done.rc}    0    ${done.stdout} ${done.stderr}
    ${said}=    Evaluate    [line["v"] for line in json.loads($done.stdout)["runs"][0]["verdicts"]]    modules=json
    Should Be Equal    ${said}    ${EXPECTED}[verdicts]
