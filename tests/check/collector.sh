#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
#
# The examples of packaging/collector ask for nothing that picket does not ship:
# each name of an attribute and of an event in them stands in agent/out. That
# they parse is asked of real parsers. Speaks TAP.
set -u
# What is at the end of a pipe counts the tests.
cd "${SRC:-$(dirname "$0")/../..}" || exit 1
dir=packaging/collector

. tests/tap.bash

# What the packer has in its tables; a name that ends with '.' is a beginning.
shipped() { grep -ohP '"\K(event|log|host|os|service|process|file|network|container|k8s|security_rule|error|picket)\.[a-z0-9_.]+(?=")' agent/out/*.c | sort -u; }

unknown() # names on stdin, as 'FILE NAME': those that are not shipped
{
	local file name known

	known=$(shipped)
	while read -r file name; do
		grep -qxF -e "$name" <<<"$known" || echo "$file: $name"
	done
}

# ['NAME'] and 'picket.KIND' in SQL, ."NAME" and "picket.KIND" in Vector.
sql_names() { grep -oHP "\['\K[a-z0-9_.]+(?='\])|'\Kpicket\.[a-z.]+(?=')" $dir/clickhouse/*.sql; }
vector_names() { grep -oHP '\."\K[a-z0-9_.]+(?=")|"\Kpicket\.[a-z.]+(?=")(?!\])' $dir/vector.toml | grep -v ':picket.logs$'; }
loki_labels() { grep -HP '^ *attributes: \[' $dir/loki/loki.yaml | sed 's/: *attributes: \[/ /; s/\]//; s/, */ /g' | awk '{ for (i = 2; i <= NF; i++) print $1 ":" $i }'; }
# Loki has '_' where we have '.'.
logql_names() { grep -v '^#' $dir/loki/queries.logql | grep -oP '\b(event|host|service|process|file|network|container|k8s|security|picket)_[a-z0-9_]+\b' | sort -u; }

echo "1..5"
{ sql_names; vector_names; loki_labels; } | sed 's/:/ /' | unknown |
	found examples_name_what_is_shipped
[ "$({ sql_names; vector_names; loki_labels; } | wc -l)" -ge 40 ] ||
	echo "only $(sql_names | wc -l) + $(vector_names | wc -l) + $(loki_labels | wc -l) names found" |
	found names_are_found
[ $n = 2 ] || : | found names_are_found
known=$(shipped | tr . _)
for name in $(logql_names); do
	grep -qxF -e "$name" <<<"$known" || echo "queries.logql: $name"
done | found logql_names_what_is_shipped
python3 - $dir 2>&1 <<'END' | found toml_and_yaml_can_be_read
import pathlib, sys
try:
    import tomllib
except ImportError:
    tomllib = None
try:
    import yaml
except ImportError:
    yaml = None
for path in pathlib.Path(sys.argv[1]).rglob("*"):
    try:
        if path.suffix == ".toml" and tomllib:
            tomllib.loads(path.read_text())
        if path.suffix == ".yaml" and yaml:
            yaml.safe_load(path.read_text())
    except Exception as error:
        print(f"{path}: {error}")
END
# Who is named in a pipeline is there.
for file in $dir/otelcol-*.yaml; do
	for name in $(grep -oP '^ +(receivers|processors|exporters|extensions): \[\K[^]]+' "$file" | tr -d ','); do
		grep -qE "^  $name:" "$file" || echo "$file: no $name"
	done
done | found pipelines_name_what_is_configured
