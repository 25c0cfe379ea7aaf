// SPDX-License-Identifier: Apache-2.0
//
// A collector on loopback that keeps what it receives and misbehaves on
// request. It decodes OTLP with OpenTelemetry's own generated decoder, so that
// a mistake in our encoder cannot be hidden by the same one in a decoder.
//
//   node collector.js --npm DIR --out FILE [--port N] [--lean]
//
// Prints "port N" when it listens. Each record goes to FILE as a JSON line
// before the answer is sent, each request to FILE.requests. What is posted to
// /picket is kept whole as FILE.batch.N. TLS and HTTP/2 are nginx's business.
// --lean keeps of a record only what tells it from others, and its checksum:
// for a million of them.
//
// POST /control takes a JSON list of rules, replacing the ones before. The
// first that fits a request says what happens to it; each is used `times`
// times (for ever without). What it may say:
//
//   min_bytes     fits bodies longer than this, after decompression
//   contains      fits bodies that hold these bytes
//   status        answer with this instead of 200
//   retry_after   Retry-After header
//   location      Location header
//   body, type    of the answer
//   delay_ms      before anything is kept or answered; whoever has hung up by
//                 then has sent it in vain
//   store         keep the records although the answer is no 2xx
//   forget        do not keep them although it is
//   cut           "before": close without an answer; "inside": within it
//   silent        never answer
//   hold          do nothing until there are other rules, then go by those
'use strict';

const crypto = require('crypto');
const fs = require('fs');
const http = require('http');
const path = require('path');
const zlib = require('zlib');

function option(name, fallback) {
  const at = process.argv.indexOf('--' + name);
  return at < 0 ? fallback : process.argv[at + 1];
}

const out = option('out');
const lean = process.argv.includes('--lean');
const root = require(path.join(
    option('npm'),
    'node_modules/@opentelemetry/otlp-transformer/build/src/generated/root'));
const v1 = root.opentelemetry.proto.collector.logs.v1;
const LogRecord = root.opentelemetry.proto.logs.v1.LogRecord;

let rules = [];
let held = [];
let requests = 0;

// AnyValue as plain JSON; bytes become {bytes: hex}.
function plain(value) {
  if (!value) return null;
  if (value.stringValue != null) return value.stringValue;
  if (value.boolValue != null) return value.boolValue;
  if (value.intValue != null) return Number(value.intValue);
  if (value.bytesValue != null)
    return {bytes: Buffer.from(value.bytesValue).toString('hex')};
  if (value.arrayValue != null) return (value.arrayValue.values || []).map(plain);
  return null;
}

function attributes(list) {
  const all = {};
  for (const kv of list || []) {
    if (kv.key in all) throw new Error('key twice: ' + kv.key);
    all[kv.key] = plain(kv.value);
  }
  return all;
}

// What completeness.py looks at.
const KEPT = ['picket.seq', 'picket.gap.first', 'picket.gap.last'];

function leanLine(r) {
  const all = attributes(r.attributes);
  const event = all['event.name'];
  const kept = {};
  if (event === 'picket.manifest') Object.assign(kept, all);
  else for (const key of KEPT) if (key in all) kept[key] = all[key];
  return {
    uid: all['log.record.uid'], event,
    sum: crypto.createHash('md5').update(LogRecord.encode(r).finish())
        .digest('base64'),
    attributes: kept,
  };
}

function decodeLean(body) {
  const lines = [];
  for (const rl of v1.ExportLogsServiceRequest.decode(body).resourceLogs)
    for (const sl of rl.scopeLogs)
      for (const r of sl.logRecords) lines.push(leanLine(r));
  return lines;
}

function decode(body) {
  const message = v1.ExportLogsServiceRequest.decode(body);
  const lines = [];
  const object = v1.ExportLogsServiceRequest.toObject(
      message, {longs: String, bytes: Buffer});
  for (const rl of object.resourceLogs || []) {
    const resource = attributes(rl.resource && rl.resource.attributes);
    for (const sl of rl.scopeLogs || []) {
      for (const r of sl.logRecords || []) {
        const attrs = attributes(r.attributes);
        lines.push({
          uid: attrs['log.record.uid'],
          event: attrs['event.name'],
          time: r.timeUnixNano,
          observed: r.observedTimeUnixNano,
          severity: r.severityNumber,
          severity_text: r.severityText,
          body: plain(r.body),
          attributes: attrs,
          resource,
          scope: sl.scope,
          request: requests,
        });
      }
    }
  }
  return lines;
}

function keep(req, body) {
  if (req.url === '/picket') {
    fs.writeFileSync(`${out}.batch.${requests}`, body);
    return 0;
  }
  const lines = lean ? decodeLean(body) : decode(body);
  fs.appendFileSync(out, lines.map((l) => JSON.stringify(l) + '\n').join(''));
  return lines.length;
}

function fits(rule, body) {
  return rule.times !== 0 &&
      (rule.min_bytes === undefined || body.length > rule.min_bytes) &&
      (rule.contains === undefined || body.includes(rule.contains));
}

function choose(body) {
  for (const rule of rules) {
    if (!fits(rule, body)) continue;
    if (rule.times !== undefined) rule.times--;
    return rule;
  }
  return {};
}

function cut(req) {
  req.socket.destroy();
}

function answer(req, res, body) {
  const rule = choose(body);
  const status = rule.status || 200;
  const note = {
    n: ++requests,
    url: req.url,
    version: req.httpVersion,
    bytes: body.length,
    encoding: req.headers['content-encoding'] || '',
    type: req.headers['content-type'],
    authorization: req.headers['authorization'] || '',
    extra: req.headers['x-extra'] || '',
    status, cut: rule.cut, records: 0, at: Date.now(),
  };
  const good = status >= 200 && status < 300 && !rule.forget;
  try {
    if (good || rule.store) note.records = keep(req, body);
  } catch (error) {
    note.error = String(error);
    fs.appendFileSync(out + '.requests', JSON.stringify(note) + '\n');
    res.writeHead(400, {'content-type': 'text/plain'});
    res.end(String(error));
    return;
  }
  fs.appendFileSync(out + '.requests', JSON.stringify(note) + '\n');
  if (rule.silent) return;
  if (rule.cut === 'before') return cut(req);
  const headers = {'content-type': rule.type || 'application/x-protobuf'};
  if (rule.retry_after !== undefined) headers['retry-after'] = rule.retry_after;
  if (rule.location !== undefined) headers['location'] = rule.location;
  if (rule.cut === 'inside') {
    headers['content-length'] = 1000;
    res.writeHead(status, headers);
    res.write('half of it');
    setTimeout(() => cut(req), 20);
    return;
  }
  res.writeHead(status, headers);
  res.end(rule.body === undefined ? '' :
          rule.body_hex ? Buffer.from(rule.body, 'hex') : rule.body);
}

function receive(req, res, body) {
  const slow = rules.find((r) => (r.delay_ms || r.hold) && fits(r, body));
  const go = () => {
    if (!slow || !req.socket.destroyed) answer(req, res, body);
  };
  if (slow && slow.hold) held.push(() => receive(req, res, body));
  else setTimeout(go, slow ? slow.delay_ms : 0);
}

function handle(req, res) {
  const parts = [];
  req.on('data', (part) => parts.push(part));
  req.on('error', () => {});
  req.on('end', () => {
    let body = Buffer.concat(parts);
    if (req.url === '/control') {
      rules = JSON.parse(body);
      res.end('ok');
      const waiting = held;
      held = [];
      for (const go of waiting) go();
      return;
    }
    if (req.headers['content-encoding'] === 'gzip') body = zlib.gunzipSync(body);
    receive(req, res, body);
  });
}

const server = http.createServer(handle);
server.keepAliveTimeout = 60000;
server.listen(Number(option('port', 0)), '127.0.0.1', () => {
  console.log('port ' + server.address().port);
});
// Whoever started us is gone: so are we.
process.stdin.on('end', () => process.exit(0));
process.stdin.resume();
