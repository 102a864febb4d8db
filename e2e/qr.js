// reads a mini-program code as a camera would: from the pixels that the browser shows.
import jsqr from 'jsqr';

const jsQR = jsqr.default || jsqr;

/** readCode gives the text inside the picture of a locator, or null. */
export async function readCode(image) {
  const { width, height, pixels } = await image.evaluate(async (img) => {
    await img.decode();
    const canvas = new OffscreenCanvas(img.naturalWidth, img.naturalHeight);
    const context = canvas.getContext('2d');
    context.drawImage(img, 0, 0);
    const { data } = context.getImageData(0, 0, canvas.width, canvas.height);
    return { width: canvas.width, height: canvas.height, pixels: Array.from(data) };
  });
  const found = jsQR(Uint8ClampedArray.from(pixels), width, height);
  return found ? found.data : null;
}
