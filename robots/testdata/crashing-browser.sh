#!/bin/sh
# A browser that crashes and leaves a renderer.
sleep 600 &
echo crashed >&2
