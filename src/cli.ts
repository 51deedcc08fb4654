process.stdout.write(`vramgate ${__VRAMGATE_VERSION__}\n`);
