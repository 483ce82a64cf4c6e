// Go's net/smtp.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"log"
	"net/smtp"
	"os"
)

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	port, user, password, certificate := os.Args[1], os.Args[2], os.Args[3], os.Args[4]
	sender, recipients, path := os.Args[5], os.Args[6:8], os.Args[8]
	pem, err := os.ReadFile(certificate)
	check(err)
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(pem)
	mail, err := os.ReadFile(path)
	check(err)
	config := &tls.Config{ServerName: "localhost", RootCAs: trusted}
	var client *smtp.Client
	if os.Args[11] == "implicit" {
		connection, err := tls.Dial("tcp", "localhost:"+port, config)
		check(err)
		client, err = smtp.NewClient(connection, "localhost")
		check(err)
	} else {
		client, err = smtp.Dial("localhost:" + port)
		check(err)
		check(client.StartTLS(config))
	}
	check(client.Auth(smtp.PlainAuth("", user, password, "localhost")))
	check(client.Mail(sender))
	for _, recipient := range recipients {
		check(client.Rcpt(recipient))
	}
	content, err := client.Data()
	check(err)
	_, err = content.Write(mail)
	check(err)
	check(content.Close())
	check(client.Quit())
}
