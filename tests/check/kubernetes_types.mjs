// SPDX-License-Identifier: Apache-2.0
//
// kubernetes_types.mjs DIR FILE...: holds the objects in YAML files against the
// types of the Kubernetes API, as kubernetes-models, which is generated of its
// OpenAPI schemas, has them in DIR. Prints what is wrong, one complaint a line.
//
// Both halves are needed: its validators know what a value may be and let
// unknown members pass; its declarations know each member, so a compiler finds
// the misspelt ones.
import fs from "node:fs";
import path from "node:path";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [dir, ...files] = process.argv.slice(2);
const require = createRequire(path.resolve(dir, "package.json"));
const YAML = require("yaml");
const ts = require("typescript");

// A module of an object's type: "apps/v1/DaemonSet", "v1/ConfigMap".
const moduleOf = ({ apiVersion, kind }) =>
	`kubernetes-models/${apiVersion}/${kind}`;

async function wrongValues(where, object) {
	const file = path.resolve(dir, "node_modules", `${moduleOf(object)}.js`);

	if (!fs.existsSync(file))
		return [`${where}: the API has no ${object.apiVersion} ${object.kind}`];
	const type = (await import(pathToFileURL(file)))[object.kind];
	try {
		new type(object).validate();
		return [];
	} catch (error) {
		return (error.errors ?? [error]).map(
			(e) => `${where}: ${e.instancePath ?? ""} ${e.message}`);
	}
}

// What the compiler says to each object as a literal of its type.
function unknownMembers(objects) {
	const work = fs.mkdtempSync(path.resolve(dir, "check-"));
	const named = new Map(objects.map(([where, object], n) => {
		const file = path.join(work, `object${n}.mts`);

		fs.writeFileSync(file,
			`import type { I${object.kind} as Type } from "${moduleOf(object)}";\n` +
			`export const object: Type = ${JSON.stringify(object)};\n`);
		return [file, where];
	}));
	try {
		const program = ts.createProgram([...named.keys()], {
			noEmit: true, strict: true, skipLibCheck: true, types: [],
			target: ts.ScriptTarget.ES2022,
			module: ts.ModuleKind.NodeNext,
			moduleResolution: ts.ModuleResolutionKind.NodeNext,
		});
		return ts.getPreEmitDiagnostics(program).map((d) =>
			`${named.get(path.normalize(d.file?.fileName ?? "")) ?? "?"}: ` +
			ts.flattenDiagnosticMessageText(d.messageText, " "));
	} finally {
		fs.rmSync(work, { recursive: true });
	}
}

const objects = files.flatMap((file) =>
	YAML.parseAllDocuments(fs.readFileSync(file, "utf8"))
		.map((document) => document.toJS())
		.filter((object) => object !== null)
		.map((object) => [`${path.basename(file)}: ${object.kind}`, object]));
const wrong = [];
const known = [];
for (const [where, object] of objects) {
	const said = await wrongValues(where, object);

	wrong.push(...said);
	if (!said.some((line) => line.includes("the API has no")))
		known.push([where, object]);
}
wrong.push(...unknownMembers(known));
if (objects.length === 0)
	wrong.push("no object in " + files.join(" "));
for (const line of wrong)
	console.log(line);
