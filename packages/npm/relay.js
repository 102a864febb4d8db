// runs inside of `wxbase sim exec`: tells its environment and lives until its starter lets go.
const given = Object.fromEntries(Object.entries(process.env).filter(([name]) => /^(WX_|WXBASE_|HTTPS_PROXY$|https_proxy$|NO_PROXY$|no_proxy$|NODE_EXTRA_CA_CERTS$|SSL_CERT_FILE$)/.test(name)));
process.stdout.write(JSON.stringify(given) + '\n');
process.stdin.resume().once('end', () => process.exit(0));
