'use strict';
module.exports = {
    name: 'mail.example.com',
    queue: {
        // A deferred message is tried again at once, and given up soon.
        deferTimes: [2000, 4000, 5000]
    },
    smtpInterfaces: { feeder: { enabled: true, processes: 1, host: '192.0.2.10', port: 25, authentication: false } },
    pools: { default: [{ address: '192.0.2.10', name: 'mail.example.com' }] },
    zones: {
        default: { processes: 1, connections: 20, connectionCache: { ttl: 1, reuseCount: 1 } },
        bounces: { processes: 1, connections: 10 }
    },
    mtaSts: { enabled: false },
    dkim: { enabled: false },
    plugins: { 'core/email-bounce': { enabled: 'main', delayEmail: { enabled: true, after: 1000 } } }
};
