"""Draws landscape.jpg: a lake between mountains at sunset, from noise alone, the same picture on every run.

    PYTHONPATH=<folder with Pillow> python3 make_landscape.py [OUTPUT]
"""

import math
import random
import sys
from pathlib import Path

from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageOps

WIDTH, HEIGHT = 1600, 1067
HORIZON = 610
SUN = (1040, 462)
rng = random.Random(20261123)


def noise(size, cells, octaves=6, roughness=0.55):
    """Fractal noise as a grey picture: octaves of smoothly enlarged random cells, each finer and weaker than the one before."""
    across, down = cells
    total, weight, amount = None, 0.0, 1.0
    for _ in range(octaves):
        grid = (min(across, size[0]) + 3, min(down, size[1]) + 3)
        layer = Image.frombytes("L", grid, rng.randbytes(grid[0] * grid[1])).resize(size, Image.Resampling.BICUBIC, (1, 1, grid[0] - 1, grid[1] - 1))
        weight += amount
        total = layer if total is None else Image.blend(total, layer, amount / weight)
        across, down, amount = across * 2, down * 2, amount * roughness
    return ImageOps.autocontrast(total, cutoff=0.5)


def ridge(base, height, cells, octaves, roughness=0.5):
    """The height of a mountain crest at each column, in pixels from the top."""
    total = [0.0] * WIDTH
    amount = 1.0
    for _ in range(octaves):
        points = [rng.uniform(-1, 1) for _ in range(int(cells) + 3)]
        for x in range(WIDTH):
            at = x / WIDTH * cells
            i, f = int(at), at % 1
            f = f * f * (3 - 2 * f)
            total[x] += amount * (points[i] * (1 - f) + points[i + 1] * f)
        cells, amount = cells * 2.03, amount * roughness
    return [base - height * value for value in total]


def gradient(stops, size):
    """A vertical gradient through (position 0..1, colour) stops."""
    column = Image.new("RGB", (1, size[1]))
    for y in range(size[1]):
        at = y / (size[1] - 1)
        for (a, one), (b, two) in zip(stops, stops[1:]):
            if a <= at <= b:
                f = (at - a) / (b - a)
                column.putpixel((0, y), tuple(round(p + (q - p) * f) for p, q in zip(one, two)))
                break
    return column.resize(size)


def glow(centre, radius, strength):
    """A soft round light as a mask of the whole picture."""
    disc = ImageOps.invert(Image.radial_gradient("L")).resize((radius[0] * 2, radius[1] * 2)).point(lambda v: round((v / 255) ** 2.2 * 255 * strength))
    mask = Image.new("L", (WIDTH, HEIGHT))
    mask.paste(disc, (centre[0] - radius[0], centre[1] - radius[1]))
    return mask


def lighten(picture, colour, mask):
    """Adds light of one colour where the mask is bright."""
    light = Image.composite(Image.new("RGB", picture.size, colour), Image.new("RGB", picture.size), mask)
    return ImageChops.screen(picture, light)


def sky():
    stops = [(0, (38, 62, 112)), (0.25, (78, 104, 150)), (0.42, (168, 150, 165)), (0.52, (244, 178, 122)), (0.575, (255, 208, 140)), (1, (255, 200, 130))]
    picture = gradient(stops, (WIDTH, HEIGHT))
    picture = lighten(picture, (255, 150, 70), glow(SUN, (900, 430), 0.75))
    clouds = noise((WIDTH, HEIGHT), (3, 11), 8, 0.58).point(lambda v: max(0, min(255, round((v - 118) * 3.1))))
    fade = gradient([(0, (70,) * 3), (0.2, (215,) * 3), (0.45, (190,) * 3), (0.56, (0,) * 3), (1, (0,) * 3)], (WIDTH, HEIGHT)).convert("L")
    clouds = ImageChops.multiply(clouds, fade)
    body = gradient([(0, (120, 128, 158)), (0.3, (206, 150, 142)), (0.5, (255, 176, 110)), (1, (255, 176, 110))], (WIDTH, HEIGHT))
    shade = ImageChops.offset(clouds, 14, -16).filter(ImageFilter.GaussianBlur(7))
    picture = Image.composite(body, picture, clouds)
    picture = Image.composite(Image.new("RGB", picture.size, (92, 84, 116)), picture, ImageChops.multiply(clouds, shade).point(lambda v: v * 150 // 255))
    rims = ImageChops.subtract(clouds, shade).filter(ImageFilter.GaussianBlur(1))
    picture = lighten(picture, (255, 214, 160), ImageChops.multiply(rims, glow(SUN, (1100, 620), 1.0)))
    picture = lighten(picture, (255, 236, 190), glow(SUN, (190, 190), 0.95))
    disc = Image.new("L", (WIDTH, HEIGHT))
    ImageDraw.Draw(disc).ellipse([SUN[0] - 27, SUN[1] - 27, SUN[0] + 27, SUN[1] + 27], fill=255)
    return Image.composite(Image.new("RGB", picture.size, (255, 250, 226)), picture, disc.filter(ImageFilter.GaussianBlur(3)))


def mountain(picture, crest, dark, lit, haze, detail, trees=0):
    """Paints one range in front of the picture: rock lit from the sun's side, hazier towards its foot."""
    mask = Image.new("L", (WIDTH * 2, HEIGHT * 2))
    outline = [(x * 2, y * 2) for x, y in enumerate(crest)]
    ImageDraw.Draw(mask).polygon([(0, HEIGHT * 2), *outline, (WIDTH * 2, HEIGHT * 2)], fill=255)
    if trees:
        plant(ImageDraw.Draw(mask), crest, trees)
    mask = mask.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    relief = noise((WIDTH, HEIGHT), detail, 8, 0.66)
    slopes = ImageChops.subtract(relief, ImageChops.offset(relief, -3, 2), 0.6 if trees else 0.3, 118)
    rock = ImageOps.colorize(slopes, dark, lit)
    top = max(0, round(min(crest)))
    veil = gradient([(0, (0,) * 3), (1, (235,) * 3)], (WIDTH, max(2, HORIZON + 6 - top))).convert("L").point(lambda v: round((v / 255) ** 1.5 * 255))
    foot = Image.new("L", (WIDTH, HEIGHT), 235)
    foot.paste(veil, (0, top))
    rock = Image.composite(Image.new("RGB", rock.size, haze), rock, foot.point(lambda v: round(v * (0.82 if not trees else 0.3))))
    rock = lighten(rock, (255, 150, 80), glow(SUN, (520, 330), 0.55 if not trees else 0.22))
    picture.paste(rock, (0, 0), mask)


def plant(draw, crest, size):
    """A forest edge of firs along the crest, on the doubled mask."""
    x = -10.0
    while x < WIDTH:
        foot = crest[min(WIDTH - 1, max(0, int(x)))] + 6
        tall = size * rng.uniform(0.5, 1.15)
        tiers = 5
        for tier in range(tiers):
            low = foot - tall * tier / tiers * 0.92
            half = tall * 0.2 * (1 - tier / tiers) * rng.uniform(0.8, 1.2) + 0.6
            draw.polygon([((x - half) * 2, low * 2), ((x + half) * 2, low * 2), (x * 2, (low - tall * 0.36) * 2)], fill=255)
        x += size * rng.uniform(0.1, 0.34)


def water(picture):
    """The lake: the scene upside down, broken by ripples that grow towards the viewer, and the sun's path on them."""
    depth = HEIGHT - HORIZON
    upside = ImageOps.flip(picture.crop((0, 0, WIDTH, HORIZON))).resize((WIDTH + 12, round(HORIZON * 0.93)))
    layers = []
    for _ in range(3):
        lake = Image.new("RGB", (WIDTH, depth))
        drift = 0.0
        for y in range(depth):
            near = y / depth
            drift = drift * 0.72 + rng.uniform(-1, 1) * (2 + 26 * near)
            row = min(upside.height - 1, max(0, round(y + drift)))
            shift = round(rng.uniform(-1, 1) * (1 + 4 * near))
            lake.paste(upside.crop((6 + shift, row, WIDTH + 6 + shift, row + 1)), (0, y))
        layers.append(lake.filter(ImageFilter.BoxBlur((2, 0))))
    waves = perspective_noise(depth, 0.5)
    lake = Image.composite(layers[0], layers[1], waves.point(lambda v: 255 if v > 128 else v))
    lake = Image.composite(lake, layers[2], perspective_noise(depth, 0.8).point(lambda v: max(0, min(255, (v - 70) * 3))))
    tint = gradient([(0, (196, 186, 190)), (0.4, (130, 136, 156)), (1, (74, 84, 104))], (WIDTH, depth))
    lake = ImageChops.multiply(lake, tint)
    crests = perspective_noise(depth, 0.6).point(lambda v: max(0, min(255, (v - 150) * 4)))
    path = glow((SUN[0], 40), (300, 900), 1.0).crop((0, 40, WIDTH, 40 + depth))
    lake = lighten(lake, (255, 196, 120), ImageChops.multiply(crests, path))
    lake = lighten(lake, (60, 74, 104), crests.point(lambda v: v // 3))
    mist = gradient([(0, (150,) * 3), (0.06, (45,) * 3), (0.2, (0,) * 3), (1, (0,) * 3)], (WIDTH, depth)).convert("L")
    picture.paste(lighten(lake, (250, 196, 150), mist), (0, HORIZON))


def perspective_noise(depth, roughness):
    """Flat ripples, fine at the horizon and broad in front."""
    sheet = noise((WIDTH, 2000), (26, 420), 4, roughness)
    result = Image.new("L", (WIDTH, depth))
    for y in range(depth):
        at = 1 - math.log(1 + 9 * (1 - y / depth)) / math.log(10)
        row = min(1998, int(at * 1990))
        zoom = 1 + 2.2 * y / depth
        half = WIDTH / zoom / 2
        result.paste(sheet.transform((WIDTH, 1), Image.Transform.EXTENT, (WIDTH / 2 - half, row, WIDTH / 2 + half, row + 1)), (0, y))
    return ImageOps.autocontrast(result)


def reeds(picture):
    """Dark grass on the near shore."""
    shore = [HEIGHT - 26 - 40 * max(0, math.cos(x / WIDTH * math.pi * 1.15)) ** 2 - 10 * math.sin(x / 61) for x in range(WIDTH)]
    mask = Image.new("L", (WIDTH * 2, HEIGHT * 2))
    draw = ImageDraw.Draw(mask)
    draw.polygon([(0, HEIGHT * 2), *[(x * 2, y * 2) for x, y in enumerate(shore)], (WIDTH * 2, HEIGHT * 2)], fill=255)
    for _ in range(2600):
        x = rng.uniform(-10, WIDTH + 10)
        foot = shore[min(WIDTH - 1, max(0, int(x)))] + rng.uniform(0, 20)
        tall = rng.uniform(12, 46) * (1.7 if x < 380 else 1)
        lean = rng.gauss(0.12, 0.22) * tall
        points = [((x + lean * f * f) * 2, (foot - tall * f) * 2) for f in (0, 0.35, 0.7, 1)]
        draw.line(points, fill=rng.randint(150, 255), width=rng.choice((1, 2, 2, 3)))
    mask = mask.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    grass = ImageOps.colorize(noise((WIDTH, HEIGHT), (90, 30), 4, 0.7), (10, 13, 14), (52, 50, 40))
    picture.paste(grass, (0, 0), mask)


def finish(picture):
    """Lens and film: a little bloom, darker corners, grain."""
    bloom = picture.filter(ImageFilter.GaussianBlur(22)).point(lambda v: max(0, v - 120))
    picture = ImageChops.screen(picture, bloom.point(lambda v: v // 3))
    corners = Image.radial_gradient("L").resize((WIDTH, HEIGHT)).point(lambda v: 255 - max(0, v - 120) // 3)
    picture = ImageChops.multiply(picture, Image.merge("RGB", [corners] * 3))
    grain = Image.frombytes("L", picture.size, rng.randbytes(WIDTH * HEIGHT)).filter(ImageFilter.GaussianBlur(0.8)).point(lambda v: 128 + (v - 128) // 11)
    return ImageChops.add(picture, Image.merge("RGB", [grain] * 3), 1, -128)


def main(target):
    picture = sky()
    mountain(picture, ridge(455, 125, 2.6, 8, 0.5), (96, 98, 132), (190, 158, 160), (246, 190, 146), (18, 14))
    mountain(picture, ridge(540, 72, 4.3, 8, 0.5), (62, 70, 100), (150, 124, 126), (226, 168, 134), (24, 18))
    mountain(picture, ridge(572, 34, 5.2, 7, 0.5), (34, 46, 60), (96, 88, 84), (176, 132, 112), (40, 30), trees=13)
    mountain(picture, [y + 62 * math.exp(-(((x - 1040) / 420) ** 2)) for x, y in enumerate(ridge(566, 26, 3.4, 6, 0.5))], (14, 22, 26), (52, 54, 48), (70, 62, 60), (60, 44), trees=24)
    water(picture)
    reeds(picture)
    finish(picture).save(target, quality=86, optimize=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).with_name("landscape.jpg"))
