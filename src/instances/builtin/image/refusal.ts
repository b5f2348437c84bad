/** Why a picture is not processed, by a code of the store's table of errors. */
export class Refusal extends Error {
  override readonly name = 'Refusal';
  readonly code: 'BadRequest' | 'ImageTooLarge' | 'WatermarkError' | 'InvalidArgument' | 'NotImplemented';

  constructor(code: Refusal['code'], message: string) {
    super(message);
    this.code = code;
  }
}
