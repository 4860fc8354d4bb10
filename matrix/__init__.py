"""The matrix: runs sync entry points in every context from which Python can be called, and judges them.

::

    registries    contexts/ · entry_points/ · probes/ · peers/ ·     one more thing is one more file
                  controls/
    words         model/ · findings                                  what those files are written in
    selection     registry · targets · claims · cells · plan ·       what there is, what runs, in which hosts
                  batch
    child         child · perform · facts · assignment               judge a cell right where user code stands
    supervisor    parent · host · story · door · streams · process   one process group a host, limits, records
                  ending · strays · guardian · interrupts            nothing of them is left, however it ends
    hangs         onlooker · procfs · stacks                         which kind of hang, read from outside
    second run    second · witness · locks · testimony               who waits for whom, told from inside
    shared        wire · record · capture · fingerprint              what goes from one to the other
    sessions      sessions                                           what probes of streams get from peers
    meaning       verdict · expectations · conditions · judged ·     what an outcome means to the gate
                  signature
    gate          gate · lock · objections · objection · accept ·    what is wrong with its files; the patch
                  patch · patterns · tomllines
    parts         shard · costs · origin · merge · spread ·          several machines; what a change affects
                  changed · importgraph · git
    showing       board · grid · show · live · closing               the terminal
    files         results · markdown · junit · page/                 records, summary, CI page, README table
    past runs     recorded · compare · past_runs · promises          read back, compared, put on a page
    one cell      one_cell · explain/ · repro/                       what is known of it; its script
    reports       reports/                                           bug reports become cells, and tests
    bisect        chains · bisection/                               contexts in contexts; what a failure needs
    command       __main__ · commands · run                          python -m matrix list | run | ...
    steadiness    steady · steadiness                                the same run many times over
    power         power · power_report · power_command               which probe catches which control
    interpreters  interpreters/                                      contexts and stress on every CPython here
"""
