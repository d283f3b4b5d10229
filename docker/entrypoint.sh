#!/bin/sh
# Secrets come as files. HYDRA_* names with _FILE are read by hydra itself; for Prefect's they are read here, so that
# no secret stands in the compose file or in `docker inspect`. SIM_CLOCK_OF names a simulated gateway's folder: its
# workers share its clock.
set -eu
for name in $(env | sed -n 's/^\(PREFECT_[A-Z_]*\)_FILE=.*/\1/p'); do
    eval "file=\$${name}_FILE"
    value=$(cat "$file")
    export "$name=$value"
    unset "${name}_FILE"
done
if [ -n "${SIM_CLOCK_OF:-}" ]; then
    clock=$(hydra gateway clock --state-dir "$SIM_CLOCK_OF" | grep '^HYDRA_CLOCK_')
    # shellcheck disable=SC2163
    for line in $clock; do export "$line"; done
fi
exec "$@"
