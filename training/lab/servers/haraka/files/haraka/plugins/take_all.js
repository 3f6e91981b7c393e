'use strict';
// Every message is taken and sent on: nobody but the lab can reach this server.
exports.hook_rcpt = (next, connection) => {
    connection.relaying = true;
    next(OK);
};
