package main

import (
	"context"
	"io"
)

func defects(context.Context, options, io.Writer) error { return nil }
