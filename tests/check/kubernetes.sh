#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# What is for clusters: chart and kustomize base are the same objects, with the
# same policy, which is right. Speaks TAP.
set -u
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
base=packaging/kubernetes/base chart=packaging/kubernetes/chart

. tests/tap.bash

echo "1..6"

# What the templates use of the template language is this and no more.
python3 - "$base" "$chart" <<'PYTHON'
import pathlib
import re
import sys

base, chart = map(pathlib.Path, sys.argv[1:])
values, at = {"Release.Namespace": "picket"}, []
# Of it, `helm install` itself makes the namespace.
NAMESPACE = "Values.createNamespace"
for line in (chart / "values.yaml").read_text().splitlines():
    m = re.match(r"( *)(\w+): *(.*)", line)
    if m:
        at = at[:len(m[1]) // 2] + [m[2]]
        values["Values." + ".".join(at)] = m[3]


def render(text):
    text = re.sub(r"{{- if \.(\S+) }}\n(.*?){{- end }}\n",
                  lambda m: m[2] * (values[m[1]] == "true"), text, flags=re.S)
    return re.sub(r"{{ \.(\S+) }}", lambda m: values[m[1]], text)


bad = 0
if values[NAMESPACE] != "false" or render(
        (chart / "templates/namespace.yaml").read_text()).strip():
    print("# helm install would fail: the chart makes the release's namespace")
    bad = 1
values[NAMESPACE] = "true"
for file in sorted(base.glob("*.yaml")):
    made = render((chart / "templates" / file.name).read_text())
    if made != file.read_text():
        print(f"# {file.name}: the chart's is another")
        bad = 1
others = {f.name for f in (chart / "templates").iterdir()} - {
    f.name for f in base.glob("*.yaml")}
if others != {"configmaps.yaml"}:
    print(f"# templates without an object in the base: {others}")
    bad = 1
sys.exit(bad)
PYTHON
result $? "chart_and_base_are_the_same_objects"

wanted=$(env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS \
	make -s --no-print-directory print-cluster-policy | sort)
listed=$(sed -n 's,^ *- \(policy\.d.*\.ini\)$,packaging/\1,p' packaging/kustomization.yaml | sort)
linked=$(for f in "$chart"/policy.d/*.ini; do
	realpath --relative-to=. "$f"
done | sort)
diff <(echo "$wanted") <(echo "$listed") | sed 's/^/# kustomization: /'
diff <(echo "$wanted") <(echo "$linked") | sed 's/^/# chart: /'
[ -n "$wanted" ] && [ "$wanted" = "$listed" ] && [ "$wanted" = "$linked" ] &&
	cmp -s "$chart/agent.ini" "$base/agent.ini"
result $? "both_have_the_whole_policy_for_clusters"

"${BUILD:-build}/picket" check --config "$base/agent.ini" \
	--policy "$chart/policy.d" >/dev/null
result $? "agent_ini_and_policy_are_right"

rendered=$(mktemp -d) || exit 1
trap 'rm -rf "$rendered"' EXIT
if kubectl kustomize --help >/dev/null 2>&1; then
	kubectl kustomize packaging >"$rendered/all.yaml" &&
		[ "$(grep -c '^kind: ' "$rendered/all.yaml")" = 6 ] &&
		grep -q '^  50-containers.ini: |' "$rendered/all.yaml"
	result $? "kustomize_renders_all_objects"
else
	echo "ok 4 - kustomize_renders_all_objects # SKIP no kubectl"
fi

# Against the API's own types: what `kubectl apply` sends, or where that is not
# there, the base, of which it is made.
types=build/npm-kubernetes
if [ -e $types/.done ]; then
	files=("$rendered"/all.yaml)
	[ -e "${files[0]}" ] || files=("$base"/*.yaml)
	node tests/check/kubernetes_types.mjs $types "${files[@]}" 2>&1 |
		found "objects_are_of_the_types_of_the_api"

	# Each a mistake that must be told.
	mistakes=(
		's/appArmorProfile:/appArmourProfile:/'
		's/runAsUser: 0/runAsUser: root/'
		's/failureThreshold: 60/failureThreshold: many/'
		's/hostPID: true/hostPid: true/'
		's/kind: DaemonSet/kind: DemonSet/'
		's/type: RuntimeDefault/typ: RuntimeDefault/'
	)
	for i in "${!mistakes[@]}"; do
		sed "${mistakes[i]}" "$base/daemonset.yaml" >"$rendered/wrong-$i.yaml"
	done
	said=$(node tests/check/kubernetes_types.mjs $types "$rendered"/wrong-*.yaml)
	for i in "${!mistakes[@]}"; do
		grep -q "^wrong-$i.yaml: " <<<"$said" ||
			echo "nothing is said of: ${mistakes[i]}"
	done | found "mistakes_are_found"
else
	echo "ok 5 - objects_are_of_the_types_of_the_api # SKIP no types"
	echo "ok 6 - mistakes_are_found # SKIP no types"
fi
