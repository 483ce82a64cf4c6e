# Ruby's net/smtp.
require "net/smtp"

port, user, password, certificate, sender, to, hidden, path, _, _, tls = ARGV
context = OpenSSL::SSL::SSLContext.new
context.set_params(ca_file: certificate, verify_mode: OpenSSL::SSL::VERIFY_PEER)
smtp = Net::SMTP.new("localhost", Integer(port))
if tls == "implicit"
  smtp.enable_tls(context)
else
  smtp.enable_starttls(context)
end
smtp.start("localhost", user, password, :plain) do |session|
  session.send_message(File.binread(path), sender, [to, hidden])
end
