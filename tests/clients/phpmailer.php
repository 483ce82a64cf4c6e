<?php
// PHPMailer, as Debian packages it.
require '/usr/share/php/libphp-phpmailer/autoload.php';

[, $port, $user, $password, $certificate, $sender, $to, $hidden, , $attachment, $subject, $tls] = $argv;
$mail = new PHPMailer\PHPMailer\PHPMailer(true);
$mail->isSMTP();
$mail->Host = 'localhost';
$mail->Port = (int) $port;
$mail->SMTPSecure = $tls === 'implicit' ? 'ssl' : 'tls';
$mail->SMTPAuth = true;
$mail->Username = $user;
$mail->Password = $password;
$mail->SMTPOptions = ['ssl' => ['cafile' => $certificate]];
$mail->setFrom($sender, 'Scanner');
$mail->addAddress($to, 'Ann');
$mail->addBCC($hidden);
$mail->Subject = $subject;
$mail->Body = "Two pages.\n";
$mail->addAttachment($attachment);
$mail->send();
