#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The Helm chart, rendered by Go's own templates (helm itself is in no package
# of Debian's), is what kustomize renders, object by object. Speaks TAP.
set -u
. "$(dirname "$0")/common.bash"

echo "1..4"
work=$build/package/chart
rm -rf "$work" && mkdir -p "$work"
trap 'rm -rf "$work"' EXIT
chart=packaging/kubernetes/chart

# Debian's Go, unpacked: a compiler is not worth installing for one program.
go=$(apt-cache depends golang-go | sed -n 's/.* Depends: \(golang-[0-9.]*\)-go$/\1/p')
tests/vm/fetch-debs "$build/tools/go" "$go-go" "$go-src" 2>&1 | sed 's/^/# /'
for deb in "$build"/tools/go/*.deb; do
	dpkg-deb -x "$deb" "$work"
done
# Its sources are links to where they would be installed.
find "$work/usr/lib/${go/lang/}" -type l -lname '/*' |
	while read -r link; do
		ln -sfn "$work$(readlink "$link")" "$link"
	done
GOROOT=$work/usr/lib/${go/lang/} GOCACHE=$work/cache GO111MODULE=off \
	"$work/usr/lib/${go/lang/}/bin/go" build -o "$work/render" \
	tests/package/chart.go 2>&1 | sed 's/^/# /'

objects() # files of YAML, as one line of JSON an object
{
	node -e '
		const yaml = require(process.argv[1] + "/node_modules/yaml");
		const sorted = (key, value) =>
			value && typeof value === "object" && !Array.isArray(value)
				? Object.fromEntries(Object.entries(value).sort()) : value;
		for (const file of process.argv.slice(2))
			for (const d of yaml.parseAllDocuments(
				require("fs").readFileSync(file, "utf8")))
				if (d.toJS())
					console.log(JSON.stringify(d.toJS(), sorted));
	' "$PWD/build/npm-kubernetes" "$@" | sort
}

rendered() # what sed is to make of the values
{
	"$work/render" $chart "$(objects $chart/values.yaml | sed "$1")"
}
with_namespace='s/"createNamespace":false/"createNamespace":true/'

rendered "$with_namespace" >"$work/chart.yaml"
[ "$(objects "$work/chart.yaml" | wc -l)" = 6 ]
result $? "all_objects_are_rendered"

# Where kubectl is not there, what the ConfigMaps hold is not compared.
if kubectl kustomize packaging >"$work/base.yaml" 2>/dev/null; then
	diff <(objects "$work/base.yaml") <(objects "$work/chart.yaml")
else
	diff <(objects packaging/kubernetes/base/*.yaml) \
		<(objects "$work/chart.yaml" | grep -v '"kind":"ConfigMap"')
fi | cut -c1-300 | found "they_are_those_of_kustomize"

rendered '' >"$work/chart.yaml"
{
	objects "$work/chart.yaml" | grep '"kind":"Namespace"'
	[ "$(objects "$work/chart.yaml" | wc -l)" = 5 ] || echo "not five objects"
} | found "the_namespace_is_left_to_who_installs"

rendered 's,"collectorUrl":"[^"]*","collectorUrl":"https://other.example/v1/logs",' \
	>"$work/chart.yaml"
{
	objects "$work/chart.yaml" | grep -o 'url = [^\\]*' |
		grep -vx 'url = https://other.example/v1/logs'
	objects "$work/chart.yaml" | grep -q 'url = https://other.example' ||
		echo "no url"
} | found "the_collectors_url_is_a_value"
