let started = 0;
exports.initialize = async (context) => {
  started++;
  console.log('initialised', context.function.name);
};
exports.handler = (event, context, callback) => {
  switch (event.toString()) {
    case 'throw':
      throw new RangeError('oops');
    case 'callback-error':
      return callback(new Error('handed over'));
    case 'exit':
      return process.exit(7);
    default:
      console.log('got', event.length, 'bytes');
      return callback(null, { started, text: event.toString(), id: context.requestId });
  }
};
