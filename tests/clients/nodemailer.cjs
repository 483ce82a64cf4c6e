// nodemailer, the JavaScript client.
const fs = require("fs");
const nodemailer = require("nodemailer");

const [port, user, pass, certificate, from, to, hidden, mail, , , tls] = process.argv.slice(2);
nodemailer
  .createTransport({
    host: "localhost",
    port: Number(port),
    secure: tls === "implicit",
    requireTLS: true,
    tls: { ca: fs.readFileSync(certificate) },
    auth: { user, pass },
  })
  .sendMail({ envelope: { from, to: [to, hidden] }, raw: fs.readFileSync(mail) })
  .catch((error) => {
    console.error(error);
    process.exit(1);
  });
