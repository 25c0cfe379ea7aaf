// SPDX-License-Identifier: Apache-2.0
//
// node valid_bom.js NPM_DIR FILE: is it a CycloneDX document, by the schema as
// CycloneDX's own library has it? And does it name each thing once, and only
// things that are there?
'use strict';

const fs = require('fs');
const path = require('path');

const [npm, file] = process.argv.slice(2);
const cdx = require(path.resolve(
    npm, 'node_modules/@cyclonedx/cyclonedx-library'));
const text = fs.readFileSync(file, 'utf8');
const bom = JSON.parse(text);

function fail(why) {
  console.log(`# ${file}: ${why}`);
  process.exitCode = 1;
}

const refs = [bom.metadata.component, ...bom.components].map(
    c => c['bom-ref']);
if (new Set(refs).size !== refs.length) fail('a name is given twice');
for (const d of bom.dependencies) {
  for (const ref of [d.ref, ...(d.dependsOn || [])])
    if (!refs.includes(ref)) fail(`there is no ${ref}`);
}
new cdx.Validation.JsonStrictValidator(bom.specVersion).validate(text).then(
    wrong => wrong && fail(JSON.stringify(wrong, null, 1)),
    error => fail(error));
