#!/usr/bin/env bash
# Whether this machine's GPU computes what the processor computes: golden answers, then the same pictures, texts and
# recordings on both. gpu/check.sh [FILE...]: pictures of cards (.jpg, .png), recordings (.wav, .mp3), texts (.jsonl with
# a field `text`). Needs pulled models; FENWEN names the program, DEVICE the device, ONNX what runs networks (`engine.onnx`).
set -euo pipefail
here=$(dirname "$0")
fenwen=${FENWEN:-$here/../target/cuda/release/fenwen}
device=${DEVICE:-cuda:0}
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

on() { # where, then a command
  local where=$1; shift
  "$fenwen" "$@" --set engine.device="$where" --set engine.onnx="${ONNX:-auto}" --set log.level=warn
}
nvidia-smi --query-gpu=name,driver_version,memory.total --format=csv,noheader || true
failed=0
on "$device" models check || failed=1
for file in "$@"; do
  name=$(basename "$file")
  for where in cpu "$device"; do
    case $file in
      *.jsonl) on "$where" embed --data "$file" --text text --out "$out/$where-$name" >/dev/null ;;
      *.jpg | *.png) on "$where" idcard --json "$file" > "$out/$where-$name" ;;
      # The same decoder on both: whisper.cpp would differ by itself.
      *) on "$where" transcribe --format json --set speech.engine=candle "$file" > "$out/$where-$name" ;;
    esac
  done
  "${PYTHON:-python3}" "$here/compare.py" "$name" "$out/cpu-$name" "$out/$device-$name" || failed=1
done
exit $failed
