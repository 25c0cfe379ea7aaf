-- SPDX-License-Identifier: Apache-2.0
-- The table that otelcol-clickhouse.yaml fills. The exporter inserts the first
-- columns by name; the others are made of its attributes as rows come in, so
-- that questions read a column and not a map.
--
-- picket delivers at least once: what came twice has the same key and is one
-- row after a merge. Queries do not wait for that, they say LIMIT 1 BY Uid.

CREATE DATABASE IF NOT EXISTS picket;

CREATE TABLE IF NOT EXISTS picket.otel_logs
(
    Timestamp DateTime64(9) CODEC(Delta(8), ZSTD(1)),
    TimestampTime DateTime DEFAULT toDateTime(Timestamp),
    TraceId String CODEC(ZSTD(1)),
    SpanId String CODEC(ZSTD(1)),
    TraceFlags UInt8,
    SeverityText LowCardinality(String) CODEC(ZSTD(1)),
    SeverityNumber UInt8,
    ServiceName LowCardinality(String) CODEC(ZSTD(1)),
    Body String CODEC(ZSTD(1)),
    ResourceSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ResourceAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    ScopeSchemaUrl LowCardinality(String) CODEC(ZSTD(1)),
    ScopeName String CODEC(ZSTD(1)),
    ScopeVersion LowCardinality(String) CODEC(ZSTD(1)),
    ScopeAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    LogAttributes Map(LowCardinality(String), String) CODEC(ZSTD(1)),
    EventName String CODEC(ZSTD(1)),

    Host LowCardinality(String) MATERIALIZED ResourceAttributes['host.name'],
    HostId String MATERIALIZED ResourceAttributes['host.id'],
    Uid String MATERIALIZED LogAttributes['log.record.uid'],
    Event LowCardinality(String) MATERIALIZED LogAttributes['event.name'],
    -- The uid of the record that an amendment is about.
    Amends String MATERIALIZED LogAttributes['picket.amends'],
    Alert UInt8 MATERIALIZED LogAttributes['picket.alert'] = 'true',
    Severity LowCardinality(String) MATERIALIZED LogAttributes['picket.severity'],
    Verdict LowCardinality(String) MATERIALIZED LogAttributes['picket.verdict'],
    Rule LowCardinality(String) MATERIALIZED LogAttributes['security_rule.name'],
    Pid UInt32 MATERIALIZED toUInt32OrZero(LogAttributes['process.pid']),
    -- With the host's boot it names a process for good: pids come again.
    StartNs UInt64 MATERIALIZED toUInt64OrZero(LogAttributes['picket.process.start_ns']),
    Exe String MATERIALIZED LogAttributes['process.executable.path'],
    -- Parents, nearest first: ["/usr/bin/bash[4711]", ...].
    Ancestry String MATERIALIZED LogAttributes['picket.ancestry'],
    Unit LowCardinality(String) MATERIALIZED LogAttributes['picket.systemd.unit'],
    Container String MATERIALIZED LogAttributes['container.id'],
    Pod String MATERIALIZED LogAttributes['k8s.pod.name'],
    Path String MATERIALIZED LogAttributes['file.path'],
    NewPath String MATERIALIZED LogAttributes['picket.file.new.path'],
    Op LowCardinality(String) MATERIALIZED LogAttributes['picket.op'],
    Peer String MATERIALIZED LogAttributes['network.peer.address'],
    PeerPort UInt16 MATERIALIZED toUInt16OrZero(LogAttributes['network.peer.port']),
    -- (Journal, Epoch, Seq) is what Uid is made of, and names a record for good.
    Journal LowCardinality(String) MATERIALIZED ResourceAttributes['service.instance.id'],
    Epoch UInt32 MATERIALIZED toUInt32OrZero(if(Event = 'picket.manifest',
        LogAttributes['picket.manifest.epoch'], LogAttributes['picket.epoch'])),
    Seq UInt64 MATERIALIZED toUInt64OrZero(LogAttributes['picket.seq']),
    -- Of a picket.manifest: which records it is about, and what was lost so far.
    First UInt64 MATERIALIZED toUInt64OrZero(LogAttributes['picket.manifest.first']),
    Last UInt64 MATERIALIZED toUInt64OrZero(LogAttributes['picket.manifest.last']),
    Promised UInt64 MATERIALIZED toUInt64OrZero(LogAttributes['picket.manifest.count']),
    LostKernel UInt64 MATERIALIZED toUInt64OrZero(LogAttributes['picket.manifest.lost_kernel']),
    LostJournal UInt64 MATERIALIZED toUInt64OrZero(LogAttributes['picket.manifest.lost_journal']),

    INDEX by_peer Peer TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_path Path TYPE bloom_filter(0.01) GRANULARITY 4,
    INDEX by_uid Uid TYPE bloom_filter(0.01) GRANULARITY 4
)
ENGINE = ReplacingMergeTree
PARTITION BY toDate(TimestampTime)
ORDER BY (HostId, Event, TimestampTime, Uid)
TTL TimestampTime + INTERVAL 90 DAY
SETTINGS ttl_only_drop_parts = 1;
