// JavaMail, as Debian packages it: what application servers and ERP systems send with. By BDAT.
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.util.Properties;
import javax.mail.Message;
import javax.mail.Session;
import javax.mail.Transport;
import javax.mail.internet.InternetAddress;
import javax.mail.internet.MimeMessage;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;

public class JavaMail {
  public static void main(String[] words) throws Exception {
    boolean implicit = words[10].equals("implicit");
    Properties properties = new Properties();
    properties.put("mail.smtp.host", "localhost");
    properties.put("mail.smtp.port", words[0]);
    properties.put("mail.smtp.auth", "true");
    properties.put("mail.smtp.chunksize", "10000");
    properties.put("mail.smtp.ssl.enable", String.valueOf(implicit));
    properties.put("mail.smtp.starttls.enable", String.valueOf(!implicit));
    properties.put("mail.smtp.starttls.required", String.valueOf(!implicit));
    properties.put("mail.smtp.ssl.checkserveridentity", "true");
    properties.put("mail.smtp.ssl.socketFactory", trusting(words[3]).getSocketFactory());
    properties.put("mail.smtp.from", words[4]);
    Session session = Session.getInstance(properties);
    session.setDebug(true);
    MimeMessage mail;
    try (var octets = Files.newInputStream(Path.of(words[7]))) {
      mail = new MimeMessage(session, octets);
    }
    try (Transport transport = session.getTransport("smtp")) {
      transport.connect(words[1], words[2]);
      transport.sendMessage(
          mail, new InternetAddress[] {new InternetAddress(words[5]), new InternetAddress(words[6])});
    }
  }

  private static SSLContext trusting(String certificate) throws Exception {
    KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
    trusted.load(null, null);
    try (var pem = Files.newInputStream(Path.of(certificate))) {
      var found = CertificateFactory.getInstance("X.509").generateCertificate(pem);
      trusted.setCertificateEntry("relay", found);
    }
    var factory = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    factory.init(trusted);
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(null, factory.getTrustManagers(), null);
    return context;
  }
}
