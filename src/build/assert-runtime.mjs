// Every npm script starts with this file. The `node` package of this project fetches its binary in a
// preinstall script; where scripts are ignored, npm would go on with the machine's older Node and say nothing.
const REQUIRED = [22, 19];

const [major, minor] = process.versions.node.split('.').map(Number);
if (major < REQUIRED[0] || (major === REQUIRED[0] && minor < REQUIRED[1])) {
  process.stderr.write(
    `vramgate needs Node >= ${REQUIRED.join('.')}, but this is ${process.version} (${process.execPath}): run "npm ci" with install scripts allowed, then call it by "npm run".\n`,
  );
  process.exit(1);
}
