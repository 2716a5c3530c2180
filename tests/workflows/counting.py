"""A tool server on its standard streams that counts its effects in a file, outside of everything it is used by.

python counting.py FILE

Each effect is a row: which action, which tool, what it was given. It forgets nothing and forgives nothing: a call that
comes twice has two rows, except for tools that say they are idempotent.
"""

import json
import sqlite3
import sys
import time

DB = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
DB.execute("pragma journal_mode = wal")
DB.execute("create table if not exists effects (id integer primary key, action text, tool text, given text, at real)")

ANY = {"type": "object"}
TOOLS = {
    "get": "Reads.",
    "order": "Orders; twice is twice.",
    "order_once": "Orders; the same action twice is once.",
    "order_told": "Orders; can be asked what became of it.",
    "order_status": "Tells what became of an action.",
    "cancel": "Cancels an order; the same action twice is once.",
    "fail": "Fails, and does nothing.",
    "flaky": "Fails as often as it is told to.",
    "slow": "Takes a while.",
    "echo": "Says it again.",
}


def described(name):
    return {"name": name, "description": TOOLS[name], "inputSchema": ANY}


def effect(action, tool, given):
    DB.execute(
        "insert into effects (action, tool, given, at) values (?, ?, ?, ?)",
        (action, tool, json.dumps(given, sort_keys=True), time.time()),
    )


def seen(action):
    return DB.execute("select count(*) from effects where action = ?", (action,)).fetchone()[0]


def once(action, tool, given):
    DB.execute("begin immediate")
    if not seen(action):
        effect(action, tool, given)
    DB.execute("commit")


def called(name, given, action):
    pause = given.get("pause", 0)
    if name == "order":
        time.sleep(pause / 2)
        effect(action, name, given)
        time.sleep(pause / 2)
        return {"order": f"o-{given.get('n', 0)}"}
    if name in ("order_once", "cancel", "order_told"):
        time.sleep(pause / 2)
        once(action, name, given) if name != "order_told" else effect(action, name, given)
        time.sleep(pause / 2)
        return {"order": f"o-{given.get('n', 0)}"}
    if name == "order_status":
        asked = given["action"]
        return {"status": "ok" if seen(asked) else "absent", "result": {"order": "o-told"}}
    if name == "fail":
        raise RuntimeError("it failed")
    if name == "flaky":
        effect(action, name, given)
        times = DB.execute("select count(*) from effects where tool = 'flaky'").fetchone()[0]
        if times <= given.get("times", 1):
            raise RuntimeError("not yet")
        return {"times": times}
    time.sleep(pause)
    return given


def answer(message):
    method, params = message.get("method"), message.get("params") or {}
    if method == "initialize":
        info = {"name": "counting", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": info}
    if method == "tools/list":
        return {"tools": [described(name) for name in TOOLS]}
    if method == "tools/call":
        action = (params.get("_meta") or {}).get("remit/action", "")
        try:
            result = called(params["name"], params.get("arguments") or {}, action)
        except RuntimeError as error:
            return {"content": [{"type": "text", "text": str(error)}], "isError": True}
        return {"content": [{"type": "text", "text": json.dumps(result)}], "structuredContent": result}
    return {} if method == "ping" else None


def main():
    for line in sys.stdin:
        message = json.loads(line)
        if "id" not in message:
            continue
        result = answer(message)
        body = {"error": {"code": -32601, "message": "no such method"}} if result is None else {"result": result}
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", "id": message["id"], **body}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
