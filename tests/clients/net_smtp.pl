# Perl's Net::SMTP.
use strict;
use warnings;
use Net::SMTP;

my ($port, $user, $password, $certificate, $sender, $to, $hidden, $path) = @ARGV;
my $implicit = $ARGV[10] eq 'implicit';
open(my $file, '<:raw', $path) or die "$path: $!";
my $mail = do { local $/; <$file> };
my $smtp = Net::SMTP->new(
    'localhost',
    Port => $port,
    Timeout => 30,
    SSL => $implicit,
    SSL_ca_file => $certificate,
) or die "connect: $@";
$implicit or $smtp->starttls(SSL_ca_file => $certificate) or die 'starttls: ' . $smtp->message;
$smtp->auth($user, $password) or die 'auth: ' . $smtp->message;
$smtp->mail($sender) or die 'mail: ' . $smtp->message;
$smtp->to($to, $hidden) or die 'rcpt: ' . $smtp->message;
$smtp->data($mail) or die 'data: ' . $smtp->message;
$smtp->quit;
