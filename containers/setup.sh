#!/bin/sh
# What both containers are made by: a compiler for the engines, and the project with the versions it is tested with.
#   setup.sh SOURCE TORCH
# TORCH is the index of torch: cpu, cu126, ... of https://download.pytorch.org/whl/, or "" for that of pip.
set -eu
source=$1
torch=$2
if command -v apt-get > /dev/null; then
  apt-get update
  apt-get install --yes --no-install-recommends gcc libc6-dev git
  rm -rf /var/lib/apt/lists/*
fi
python3 -m pip install --no-cache-dir --constraint "$source/constraints.txt" \
  ${torch:+--extra-index-url "https://download.pytorch.org/whl/$torch"} "$source[ray]"
predictions doctor --store /tmp/store
