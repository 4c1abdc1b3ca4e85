// SPDX-License-Identifier: MIT
// hub.go: a peer of the benchmark: an event stream by Go's net/http, one goroutine a reader.
//
//	hub ADDRESS < LINES
//
// Each line is encoded once. A reader has a channel of 256 events, which is what hubs of this kind
// have; one that falls further behind is cut off. The newest 4096 events are kept for those that
// come back with Last-Event-ID.
package main

import (
	"bufio"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
)

const (
	queueEvents   = 256
	historyEvents = 4096
)

type hub struct {
	mu      sync.Mutex
	readers map[chan []byte]struct{}
	history [historyEvents][]byte
	count   uint64 // events so far
}

func (h *hub) publish(line []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.count++
	event := []byte(fmt.Sprintf("id: %030d\ndata: %s\n\n", h.count, line))
	h.history[h.count%historyEvents] = event
	for events := range h.readers {
		select {
		case events <- event:
		default:
			delete(h.readers, events)
			close(events)
		}
	}
}

// join answers what the reader has missed, and the channel of what comes after it.
func (h *hub) join(last string) ([][]byte, chan []byte) {
	events := make(chan []byte, queueEvents)
	h.mu.Lock()
	defer h.mu.Unlock()
	var missed [][]byte
	if from, err := strconv.ParseUint(last, 10, 64); err == nil && from+historyEvents > h.count {
		for n := from + 1; n <= h.count; n++ {
			missed = append(missed, h.history[n%historyEvents])
		}
	}
	h.readers[events] = struct{}{}
	return missed, events
}

func (h *hub) leave(events chan []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.readers, events)
}

func (h *hub) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	flusher, ok := w.(http.Flusher)
	if !ok {
		http.Error(w, "cannot stream", http.StatusInternalServerError)
		return
	}
	missed, events := h.join(r.Header.Get("Last-Event-ID"))
	defer h.leave(events)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	w.Write([]byte("retry: 2000\n\n"))
	for _, event := range missed {
		w.Write(event)
	}
	flusher.Flush()
	for {
		select {
		case event, open := <-events:
			if !open {
				return
			}
			if _, err := w.Write(event); err != nil {
				return
			}
			// What waits leaves in the same write.
			for n := len(events); n > 0; n-- {
				if event, open = <-events; !open {
					return
				}
				w.Write(event)
			}
			flusher.Flush()
		case <-r.Context().Done():
			return
		}
	}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: hub ADDRESS < LINES")
	}
	h := &hub{readers: make(map[chan []byte]struct{})}
	listener, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		lines := bufio.NewScanner(os.Stdin)
		for lines.Scan() {
			h.publish(lines.Bytes())
		}
		os.Exit(0)
	}()
	log.Fatal(http.Serve(listener, h))
}
