// A function that does what its event says, for tests of the Go runtime. Its file name turns hooks and input types on.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aliyun/fc-runtime-go-sdk/fc"
	"github.com/aliyun/fc-runtime-go-sdk/fccontext"
)

var initialised, running, most int64

type order struct {
	Do     string `json:"do"`
	Millis int    `json:"millis"`
	Text   string `json:"text"`
}

type typed struct {
	Name string `json:"name"`
}

func act(ctx context.Context, event json.RawMessage) (interface{}, error) {
	fctx, ok := fccontext.FromContext(ctx)
	if !ok {
		return nil, errors.New("no context")
	}
	var o order
	if err := json.Unmarshal(event, &o); err != nil {
		return nil, err
	}
	now := atomic.AddInt64(&running, 1)
	defer atomic.AddInt64(&running, -1)
	if now > atomic.LoadInt64(&most) {
		atomic.StoreInt64(&most, now)
	}
	switch o.Do {
	case "context":
		deadline, _ := ctx.Deadline()
		return map[string]interface{}{
			"requestId": fctx.RequestID, "credentials": fctx.Credentials, "function": fctx.Function, "service": fctx.Service,
			"region": fctx.Region, "account": fctx.AccountId, "remaining": time.Until(deadline).Milliseconds(), "initialised": initialised,
		}, nil
	case "surroundings":
		folder, _ := os.Getwd()
		variables := map[string]string{}
		for _, one := range os.Environ() {
			parts := strings.SplitN(one, "=", 2)
			variables[parts[0]] = parts[1]
		}
		return map[string]interface{}{"folder": folder, "environment": variables, "uid": os.Getuid(), "pid": os.Getpid()}, nil
	case "error":
		return nil, errors.New(o.Text)
	case "panic":
		panic(o.Text)
	case "exit":
		os.Exit(3)
	case "sleep":
		time.Sleep(time.Duration(o.Millis) * time.Millisecond)
		return map[string]int64{"most": atomic.LoadInt64(&most)}, nil
	case "print":
		fmt.Println(o.Text)
		fmt.Fprintln(os.Stderr, "stderr "+o.Text)
		return nil, nil
	case "large":
		return strings.Repeat("x", o.Millis), nil
	case "eat":
		var all [][]byte
		for i := 0; i < o.Millis; i++ {
			piece := make([]byte, 1024*1024)
			for at := 0; at < len(piece); at += 4096 {
				piece[at] = 1
			}
			all = append(all, piece)
			time.Sleep(time.Millisecond)
		}
		return len(all), nil
	}
	return o, nil
}

func main() {
	name := filepath.Base(os.Args[0])
	if strings.Contains(name, "silent") {
		time.Sleep(time.Minute)
	}
	if strings.Contains(name, "early") {
		fmt.Fprintln(os.Stderr, "it cannot begin")
		os.Exit(4)
	}
	if strings.Contains(name, "initializer") {
		fc.RegisterInitializerFunction(func(ctx context.Context) {
			if os.Getenv("FAIL_INITIALIZER") != "" {
				panic("the initializer failed")
			}
			fctx, _ := fccontext.FromContext(ctx)
			fmt.Println("initialised for " + fctx.RequestID)
			atomic.AddInt64(&initialised, 1)
		})
	}
	if strings.Contains(name, "prestop") {
		fc.RegisterPreStopFunction(func(ctx context.Context) {
			fmt.Println("preStop ran")
		})
	}
	if strings.Contains(name, "typed") {
		fc.Start(func(ctx context.Context, event typed) (string, error) { return "hello " + event.Name, nil })
	}
	if strings.Contains(name, "bytes") {
		fc.Start(func(ctx context.Context, event []byte) (string, error) {
			return fmt.Sprintf("%d bytes", len(event)), nil
		})
	}
	if strings.Contains(name, "quiet") {
		fc.Start(func(ctx context.Context) error { return nil })
	}
	fc.Start(act)
}
