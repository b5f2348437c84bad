'use strict';
/** Reads what the server holds ready for an invocation besides its event, over the connection of the instance. */

const { type } = require('./wire.cjs');

/** Bytes of one input that the server may send ahead. */
const windowBytes = 1024 * 1024;

/** The inputs of one invocation. */
class Inputs {
  #connection;
  #id;
  #reading = new Map();

  constructor(connection, id) {
    this.#connection = connection;
    this.#id = id;
  }

  /** All bytes of one input, which is read once. @throws Error when the server cannot read it to its end */
  read(input) {
    return new Promise((resolve, reject) => {
      const chunks = [];
      let taken = 0;
      const want = (bytes) => this.#connection.send(type.wanted, { id: this.#id, input, bytes });
      const take = (body) => {
        chunks.push(body);
        taken += body.length;
        if (taken < windowBytes / 2) return;
        want(taken);
        taken = 0;
      };
      const end = (message) => (message === undefined ? resolve(Buffer.concat(chunks)) : reject(new Error(message)));
      this.#reading.set(input, { take, end });
      want(windowBytes);
    });
  }

  taken(input, body) {
    this.#reading.get(input)?.take(body);
  }

  ended(input, message) {
    this.#reading.get(input)?.end(message);
    this.#reading.delete(input);
  }
}

module.exports = { Inputs };
