// What smtp-source cannot do: large mails at once, TLS with a sign-in, idle sessions, and how long a
// bystander waits.
//
//	load send ADDRESS SESSIONS MAILS OCTETS [LOGIN PASSWORD]   prints mails a second
//	load idle ADDRESS SESSIONS    prints "open", and holds them until its input ends
//	load probe ADDRESS            sends NOOPs until its input ends; prints the p99 in ms
//
// With a login, each mail goes over STARTTLS. Each has a connection of its own.
package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"log"
	"net"
	"os"
	"sort"
	"strconv"
	"strings"
	"sync"
	"time"
)

type session struct {
	net.Conn
	in *bufio.Reader
}

func dial(address string) (*session, error) {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return nil, err
	}
	s := &session{connection, bufio.NewReader(connection)}
	return s, s.reply("220")
}

// reply reads one reply, of several lines perhaps.
func (s *session) reply(code string) error {
	for {
		line, err := s.in.ReadString('\n')
		if err != nil {
			return err
		}
		if !strings.HasPrefix(line, code) {
			return fmt.Errorf("wanted %s, got %q", code, line)
		}
		if len(line) > 3 && line[3] == ' ' {
			return nil
		}
	}
}

func (s *session) say(line, code string) error {
	if _, err := io.WriteString(s, line+"\r\n"); err != nil {
		return err
	}
	return s.reply(code)
}

func (s *session) startTLS() (*session, error) {
	if err := s.say("STARTTLS", "220"); err != nil {
		return nil, err
	}
	secured := tls.Client(s.Conn, &tls.Config{InsecureSkipVerify: true})
	return &session{secured, bufio.NewReader(secured)}, secured.Handshake()
}

func send(address string, mail []byte, login []string) error {
	s, err := dial(address)
	if err != nil {
		return err
	}
	defer s.Close()
	if err = s.say("EHLO bench", "250"); err != nil {
		return err
	}
	if len(login) > 0 {
		if s, err = s.signIn(login); err != nil {
			return err
		}
	}
	for _, step := range [][2]string{
		{"MAIL FROM:<bench@contoso.com>", "250"}, {"RCPT TO:<ann@contoso.com>", "250"}, {"DATA", "354"},
	} {
		if err := s.say(step[0], step[1]); err != nil {
			return err
		}
	}
	if _, err := s.Write(mail); err != nil {
		return err
	}
	if err := s.say(".", "250"); err != nil {
		return err
	}
	return s.say("QUIT", "221")
}

func (s *session) signIn(login []string) (*session, error) {
	s, err := s.startTLS()
	if err != nil {
		return nil, err
	}
	if err := s.say("EHLO bench", "250"); err != nil {
		return nil, err
	}
	secret := []byte("\x00" + login[0] + "\x00" + login[1])
	return s, s.say("AUTH PLAIN "+base64.StdEncoding.EncodeToString(secret), "235")
}

func sendAll(address string, sessions, mails, octets int, login []string) {
	line := strings.Repeat("QUJDRA==", 9) + "\r\n"
	mail := append([]byte("Subject: bench\r\n\r\n"), bytes.Repeat([]byte(line), octets/len(line))...)
	work := make(chan struct{}, mails)
	for i := 0; i < mails; i++ {
		work <- struct{}{}
	}
	close(work)
	var all sync.WaitGroup
	began := time.Now()
	for i := 0; i < sessions; i++ {
		all.Add(1)
		go func() {
			defer all.Done()
			for range work {
				if err := send(address, mail, login); err != nil {
					log.Fatal(err)
				}
			}
		}()
	}
	all.Wait()
	fmt.Println(float64(mails) / time.Since(began).Seconds())
}

func idle(address string, sessions int) {
	held := make([]*session, sessions)
	for i := range held {
		s, err := dial(address)
		if err == nil {
			err = s.say("EHLO bench", "250")
		}
		if err != nil {
			log.Fatal(err)
		}
		held[i] = s
	}
	fmt.Println("open")
	io.Copy(io.Discard, os.Stdin)
}

// What one session may ask for in vain, well below the door's limit.
const askedAtMost = 90

func bystand(address string) *session {
	s, err := dial(address)
	if err == nil {
		err = s.say("EHLO bench", "250")
	}
	if err != nil {
		log.Fatal(err)
	}
	return s
}

func probe(address string) {
	s, asked := bystand(address), 0
	ended := make(chan struct{})
	go func() { io.Copy(io.Discard, os.Stdin); close(ended) }()
	fmt.Println("ready")
	var waits []float64
	for {
		select {
		case <-ended:
			sort.Float64s(waits)
			fmt.Println(waits[len(waits)*99/100])
			return
		case <-time.After(5 * time.Millisecond):
			if asked++; asked > askedAtMost {
				s.Close()
				s, asked = bystand(address), 1
			}
			began := time.Now()
			if err := s.say("NOOP", "250"); err != nil {
				log.Fatal(err)
			}
			waits = append(waits, float64(time.Since(began).Microseconds())/1000)
		}
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	if err != nil {
		log.Fatal(err)
	}
	return value
}

func main() {
	arguments := os.Args[2:]
	switch os.Args[1] {
	case "send":
		counts := arguments[1:4]
		sendAll(arguments[0], number(counts[0]), number(counts[1]), number(counts[2]), arguments[4:])
	case "idle":
		idle(arguments[0], number(arguments[1]))
	case "probe":
		probe(arguments[0])
	default:
		log.Fatal("send, idle or probe")
	}
}
