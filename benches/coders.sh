#!/bin/sh
# The memory that slow readers, of a file and of a compressed answer, and dripping zstd bodies hold: what
# docs/operating.md says of it.
#
#   sh benches/coders.sh
set -eu

cd "$(dirname "$0")/.."
cargo test -q --release --locked --test main -- --exact --nocapture \
    hostile::decoding::what_a_slow_reader_and_a_dripping_body_hold_is_what_is_said_of_them 2>&1 | sed -n 's/^coders: //p'
