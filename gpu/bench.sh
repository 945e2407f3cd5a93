#!/usr/bin/env bash
# How fast this machine computes, on the GPU and on the processor, as Markdown tables:
# gpu/bench.sh CALL.wav CARD.jpg... > gpu/results/NAME.md. FENWEN names the program, DEVICES the devices. The recording
# is for the GPU only: on a processor whisper.cpp hears, which eval/bench measures.
set -euo pipefail
fenwen=${FENWEN:-$(dirname "$0")/../target/cuda/release/fenwen}
audio=$1; shift
echo "$(date -u +%F), $("$fenwen" --version), \`gpu/bench.sh\`"
echo
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
for device in ${DEVICES:-cuda:0 cpu}; do
  echo
  heard=(); [ "$device" = cpu ] || heard=(--audio "$audio")
  "$fenwen" bench "${heard[@]}" "${@/#/--image=}" --seconds "${SECONDS_EACH:-2}" \
    --set engine.device="$device" --set log.level=warn
done
