# Request Tracker for the example: SQLite, on loopback, no mails.
Set($rtname, 'nordwind-home.example');
Set($Organization, 'nordwind-home.example');
Set($WebDomain, '127.0.0.1');
Set($WebPort, @PORT@);
Set($WebBaseURL, 'http://127.0.0.1:@PORT@');
Set($WebPath, '');
Set($DatabaseType, 'SQLite');
Set($DatabaseName, '@DIR@/rt/rt.db');
Set($MasonDataDir, '@DIR@/rt/mason');
Set($MasonSessionDir, '@DIR@/rt/session');
Set($LogToSTDERR, 'warning');
Set($LogToSyslog, undef);
Set($MailCommand, 'testfile');
Set($Timezone, 'UTC');
1;
