-- SPDX-License-Identifier: Apache-2.0
-- The five questions that are asked first. What is to be filled in is a
-- parameter: clickhouse-client --param_uid=... --query "..."

-- 1. All alerts of today.
SELECT TimestampTime, Host, Severity, Rule, Body, Uid
FROM picket.otel_logs
WHERE TimestampTime >= toStartOfDay(now()) AND Alert
ORDER BY TimestampTime, Uid
LIMIT 1 BY Uid;

-- 2. Tree of a process: what the process of a record did, and all that came of
-- it. A process is its pid and start; a child has its parents' programs and
-- pids, nearest first, in Ancestry.
SELECT Timestamp, Pid, Event, Body, Uid
FROM picket.otel_logs
WHERE Journal = (SELECT any(Journal) FROM picket.otel_logs WHERE Uid = {uid:String})
  AND StartNs >= (SELECT any(StartNs) FROM picket.otel_logs WHERE Uid = {uid:String})
  AND ((Pid = (SELECT any(Pid) FROM picket.otel_logs WHERE Uid = {uid:String})
        AND StartNs = (SELECT any(StartNs) FROM picket.otel_logs WHERE Uid = {uid:String}))
    OR position(Ancestry, (SELECT concat('[', toString(any(Pid)), ']"')
                           FROM picket.otel_logs WHERE Uid = {uid:String})) > 0)
ORDER BY Timestamp, Seq
LIMIT 1 BY Uid;

-- 3. Who connected to an address, and how often.
SELECT Host, Exe, Unit, Container, PeerPort, uniqExact(Uid) AS times,
       min(TimestampTime) AS since, max(TimestampTime) AS until
FROM picket.otel_logs
WHERE Event = 'picket.connect' AND Peer = {address:String}
GROUP BY Host, Exe, Unit, Container, PeerPort
ORDER BY times DESC;

-- 4. Who wrote below a directory, or gave a file a name there.
SELECT Timestamp, Host, Exe, Op, Path, NewPath, Verdict, Rule, Uid
FROM picket.otel_logs
WHERE Event = 'picket.write'
  AND (startsWith(Path, {directory:String}) OR startsWith(NewPath, {directory:String}))
ORDER BY Timestamp, Seq
LIMIT 1 BY Uid;

-- 5. Hosts with holes within a day: fewer records arrived than the manifests
-- promise, picket lost some itself, or a host has said nothing for ten minutes.
SELECT any(Host) AS host, HostId, sum(promised) AS promised_all,
       sum(arrived) AS arrived_all, sum(lost_kernel) AS lost_in_kernel,
       sum(lost_journal) AS lost_at_journal, sum(gaps) AS gaps_all,
       max(newest) AS last_heard
FROM
(
    SELECT any(Host) AS Host, HostId, any(promised) AS promised,
           sum(Event != 'picket.manifest' AND Seq >= lo AND Seq <= hi) AS arrived,
           any(lost_kernel) AS lost_kernel, any(lost_journal) AS lost_journal,
           sum(Event = 'picket.gap') AS gaps, max(TimestampTime) AS newest
    FROM
    (
        SELECT Host, HostId, Journal, Epoch, Seq, Event, TimestampTime
        FROM picket.otel_logs
        -- A manifest of today is about records of yesterday too.
        WHERE TimestampTime >= now() - 2 * 86400
        LIMIT 1 BY Uid
    )
    ALL INNER JOIN
    (
        SELECT Journal, Epoch, min(First) AS lo, max(Last) AS hi,
               sum(Promised) AS promised, max(LostKernel) AS lost_kernel,
               max(LostJournal) AS lost_journal
        FROM
        (
            SELECT Journal, Epoch, First, Last, Promised, LostKernel, LostJournal
            FROM picket.otel_logs
            WHERE Event = 'picket.manifest' AND TimestampTime >= now() - 86400
            LIMIT 1 BY Uid
        )
        GROUP BY Journal, Epoch
    )
    USING (Journal, Epoch)
    GROUP BY HostId, Journal, Epoch
)
GROUP BY HostId
HAVING promised_all != arrived_all OR lost_in_kernel OR lost_at_journal
    OR gaps_all OR last_heard < now() - 600
ORDER BY host;
