#!/usr/bin/env bash
# Guess: whether `import eventlet` works depends on eventlet and what it requires; packages that nothing has
# imported yet, trio and an HTTP client, can't matter.
# Instead: eventlet imports dnspython over its own green sockets. dnspython looks whether an HTTP/2 client is
# installed, imports it for DNS over HTTPS, and that imports trio, whose socket module copies the docstring of
# socket.sendmsg, which the green socket doesn't have. So an environment that gains h2, httpcore2 and trio
# for other reasons can no longer import eventlet. EVENTLET_NO_GREENDNS=yes helps.
#
# Seen with eventlet 0.41.3, dnspython 2.9.2, httpx2 and httpcore2 2.16.2, h2 4.4.1, trio 0.35.0 on CPython 3.11.7:
#   without h2: imports
#   with h2, httpcore2 and trio: AttributeError: type object 'GreenSocket' has no attribute 'sendmsg'
#   the same with EVENTLET_NO_GREENDNS=yes: imports
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
"${PYTHON:-python3}" -m venv "$folder/venv"
python=$folder/venv/bin/python
import_eventlet() {
    { "$python" -W ignore -c 'import eventlet; print("imports")' 2>&1 || true; } | tail -n 1
}
"$python" -m pip install --quiet eventlet==0.41.3 dnspython==2.9.2 httpcore2==2.16.2 httpx2==2.16.2 trio==0.35.0
without=$(import_eventlet)
"$python" -m pip install --quiet h2==4.4.1
with=$(import_eventlet)
helped=$(EVENTLET_NO_GREENDNS=yes import_eventlet)
echo "without h2: $without"
echo "with h2, httpcore2 and trio: $with"
echo "the same with EVENTLET_NO_GREENDNS=yes: $helped"
[ "$without" = imports ] && [ "$helped" = imports ] && [[ $with == *"GreenSocket"*"sendmsg"* ]]
