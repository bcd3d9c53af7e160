#!/bin/sh
# Run a cmocka program and hand on its TAP in a form that meson reads right:
#
#   - a skipped case is "not ok N # SKIP" in cmocka 1.1.5; here it is "ok"
#   - several groups in one program are one numbering and one plan, given last,
#     so that a program which stops early is seen to lack cases
#   - what the program prints besides becomes a comment
#
#   tests/tap.sh PROGRAM [ARGUMENT ...]
export CMOCKA_MESSAGE_OUTPUT=TAP
status=0
{
    "$@" || status=$?
    echo "tap.sh: exit status $status"
} | awk '
    /^tap\.sh: exit status / { status = $4; next }
    /^1\.\.[0-9]+$/          { planned += substr($0, 4); next }
    /^(not )?ok [0-9]+/ {
        if (/# SKIP/)
            sub(/^not /, "")
        sub(/ok [0-9]+/, "ok " ++cases)
        print
        fflush()
        next
    }
    { print /^#/ ? $0 : "# " $0 }
    END {
        if (planned == 0 && cases > 0)
            planned = cases
        print "1.." planned + 0
        if (status > 128)
            print "# killed by signal " (status - 128)
        exit status
    }'
