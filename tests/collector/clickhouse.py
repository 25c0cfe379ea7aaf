#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""packaging/collector/clickhouse in a real server, by hand:

    clickhouse.py URL RECORDS

URL is the HTTP interface of a ClickHouse that may be filled, RECORDS what
tests/e2e/collector.js kept of a picket-ship. Inserts each record twice, as the
exporter would, runs the queries and holds their answers against RECORDS; then
takes some away and wants the hole to be told.

Debian's own ClickHouse (18.16) has no Map, DateTime64, codecs, indices, TTL or
parameters: for it maps become two arrays and what only stores better is left
out. The columns made of the maps, and the queries, are the same text.
"""
import collections
import json
import pathlib
import re
import sys
import urllib.parse
import urllib.request

HERE = pathlib.Path(__file__).resolve().parents[2] / "packaging/collector/clickhouse"


class Server:
    def __init__(self, url):
        self.url = url
        self.version = self.ask("SELECT version()").strip()
        self.is_old = int(self.version.split(".")[0]) < 21

    def ask(self, sql, data=b"", **params):
        args = {"query": sql, **{f"param_{k}": v for k, v in params.items()}}
        url = self.url + "?" + urllib.parse.urlencode(args)
        try:
            with urllib.request.urlopen(url, data=data, timeout=60) as answer:
                return answer.read().decode()
        except urllib.error.HTTPError as error:
            sys.exit(f"{error.read().decode()}\n{sql}")

    def rows(self, sql, **params):
        if self.is_old:
            for name, value in params.items():
                quoted = "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
                sql = sql.replace("{%s:String}" % name, quoted)
            params = {}
        text = self.ask(sql + " FORMAT JSONEachRow", **params)
        return [json.loads(line) for line in text.splitlines()]


def adapted(sql):
    """For a server of 2018."""
    sql = re.sub(r"(\w+Attributes) Map\([^\n]*\) CODEC",
                 r"\1Keys Array(String), \1Values Array(String) CODEC", sql)
    sql = re.sub(r"(\w+Attributes)\['([^']+)'\]",
                 r"\1Values[indexOf(\1Keys, '\2')]", sql)
    sql = re.sub(r" CODEC\((?:[^()]|\([^()]*\))*\)", "", sql)
    sql = re.sub(r"LowCardinality\((\w+)\)", r"\1", sql)
    sql = re.sub(r"\n *INDEX [^\n]*", "", sql)
    sql = re.sub(r",(\s*\)\nENGINE)", r"\1", sql)
    sql = re.sub(r"\nTTL [^\n;]*\nSETTINGS [^\n;]*", "", sql)
    return sql.replace("DateTime64(9)", "DateTime")


def statements(name):
    text = re.sub(r"^\s*--.*$", "", (HERE / name).read_text(), flags=re.M)
    return [s.strip() for s in text.split(";") if s.strip()]


def as_exporter(value):
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def row(server, record):
    maps = {"LogAttributes": record["attributes"],
            "ResourceAttributes": record["resource"], "ScopeAttributes": {}}
    out = {"Timestamp": int(record["time"]) // 10**9 if server.is_old
           else f"{int(record['time']) / 1e9:.9f}",
           "SeverityText": record["severity_text"] or "",
           "SeverityNumber": record["severity"], "ServiceName": "picket",
           "Body": record["body"], "EventName": ""}
    if server.is_old:  # does not reckon defaults of what JSON leaves out
        out["TimestampTime"] = out["Timestamp"]
    for name, pairs in maps.items():
        texts = {k: as_exporter(v) for k, v in pairs.items()}
        if server.is_old:
            out[name + "Keys"] = list(texts)
            out[name + "Values"] = list(texts.values())
        else:
            out[name] = texts
    return json.dumps(out)


def fill(server, records):
    server.ask("DROP TABLE IF EXISTS picket.otel_logs")
    for sql in statements("table.sql"):
        server.ask(adapted(sql) if server.is_old else sql)
    data = "\n".join(row(server, r) for r in records)
    for _ in range(2):
        server.ask("INSERT INTO picket.otel_logs FORMAT JSONEachRow", data.encode())


def want(got, expected, what):
    if got != expected:
        sys.exit(f"{what}:\n  got      {got!r}\n  expected {expected!r}")
    size = len(got) if hasattr(got, "__len__") else got
    print(f"ok {what}: {size}")


def descendants(records, root):
    """By parents' pids and starts, without the text that the query looks in."""
    me = (root["process.pid"], root["picket.process.start_ns"])
    mark = f"[{me[0]}]"
    return {r["uid"] for r in records
            if r["attributes"].get("picket.process.start_ns", 0) >= me[1]
            and ((r["attributes"]["process.pid"],
                  r["attributes"]["picket.process.start_ns"]) == me
                 or any(a.endswith(mark) for a in
                        r["attributes"].get("picket.ancestry", [])))}


def main():
    server = Server(sys.argv[1])
    with open(sys.argv[2], encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    alerts, tree, connects, writes, holes = statements("queries.sql")
    print(f"ClickHouse {server.version}, {len(records)} records, each twice")
    fill(server, records)
    uids = lambda rows: {r["Uid"] for r in rows}
    by = lambda fits: {r["uid"] for r in records if fits(r["attributes"])}

    want(uids(server.rows(alerts)), by(lambda a: a.get("picket.alert")), "alerts of today")
    parents = collections.Counter(a for r in records for a in
                                  r["attributes"].get("picket.ancestry", []))
    of = {f"{r['attributes'].get('process.executable.path')}"
          f"[{r['attributes'].get('process.pid')}]": r for r in records}
    root = next(of[name] for name, _ in parents.most_common() if name in of)
    want(uids(server.rows(tree, uid=root["uid"])),
         descendants(records, root["attributes"]), "tree of a process")
    got = server.rows(connects, address="127.0.0.1")
    want(sum(int(r["times"]) for r in got), len(by(
        lambda a: a["event.name"] == "picket.connect"
        and a.get("network.peer.address") == "127.0.0.1")), "who connected")
    want(uids(server.rows(writes, directory="/etc/cron.d/")), by(
        lambda a: a["event.name"] == "picket.write" and any(
            a.get(k, "").startswith("/etc/cron.d/")
            for k in ("file.path", "picket.file.new.path"))), "who wrote")
    # The newest is now, or the host would count as silent.
    whole = server.rows(holes.replace("OR last_heard < now() - 600", ""))
    want([(r["promised_all"], r["arrived_all"]) for r in whole], [], "no hole")
    seen = [r for r in records if r["event"] != "picket.manifest"]
    gone = {r["uid"] for r in seen[len(seen) // 2:][:3]}
    fill(server, [r for r in records if r["uid"] not in gone])
    want([int(r["promised_all"]) - int(r["arrived_all"])
          for r in server.rows(holes)], [3], "three records taken away")


main()
