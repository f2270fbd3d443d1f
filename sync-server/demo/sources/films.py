"""The four short films: drawn as SVG frame by frame, spoken by espeak-ng, put
together by ffmpeg. A clock and a bar run through every frame, so that a jump to
another second can be seen."""

import math
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

WIDTH, HEIGHT, FRAMES_PER_SECOND = 640, 360, 20
PAUSE_SECONDS = 0.7
INK, PAPER, GREY, RED, BLUE, SAND = "#1d2430", "#f7f8fa", "#8b94a1", "#c0392b", "#2563a8", "#f0b45a"


# Shapes

def text(x, y, words, size=16, fill=INK, weight=500, anchor="middle", opacity=1.0):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{fill}" font-weight="{weight}" '
            f'text-anchor="{anchor}" opacity="{opacity:.2f}">{words}</text>')


def box(x, y, w, h, fill, r=8, stroke="none", width=2):
    return f'<rect x="{x:.1f}" y="{y:.1f}" width="{w:.1f}" height="{h:.1f}" rx="{r}" fill="{fill}" stroke="{stroke}" stroke-width="{width}"/>'


def dot(x, y, r, fill, stroke="none", width=2, opacity=1.0):
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{r:.1f}" fill="{fill}" stroke="{stroke}" stroke-width="{width}" opacity="{opacity:.2f}"/>'


def line(x1, y1, x2, y2, stroke=INK, width=3, dash=""):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{stroke}" stroke-width="{width}" '
            f'stroke-linecap="round" stroke-dasharray="{dash}"/>')


def path(d, fill="none", stroke=INK, width=3):
    return f'<path d="{d}" fill="{fill}" stroke="{stroke}" stroke-width="{width}" stroke-linejoin="round" stroke-linecap="round"/>'


def ease(u):
    u = min(1.0, max(0.0, u))
    return u * u * (3 - 2 * u)


def person(x, y, fill, step=0.0):
    swing = 7 * math.sin(step)
    return (f'<g transform="translate({x:.1f} {y:.1f}) scale(1.6)">' + dot(0, -44, 10, fill) + path("M0 -30 V-16", stroke=fill, width=13)
            + line(0, -14, -swing, 0, fill, 6) + line(0, -14, swing, 0, fill, 6) + "</g>")


def along(points, u):
    """The place at the share `u` of a way through points."""
    lengths = [math.dist(a, b) for a, b in zip(points, points[1:])]
    left = u * sum(lengths)
    for (a, b), length in zip(zip(points, points[1:]), lengths):
        if left <= length:
            k = left / length
            return a[0] + (b[0] - a[0]) * k, a[1] + (b[1] - a[1]) * k
        left -= length
    return points[-1]


def stream(points, t, fill, count=12):
    return "".join(dot(*along(points, (i / count + t * 0.25) % 1), 4.5, fill) for i in range(count))


# Film 1: stop, warn, call, lead

def stop(u, t):
    pressed = ease(u * 4 - 1)
    drops = "" if pressed > 0.5 else "".join(dot(470, 150 + (i * 26 + t * 90) % 110, 5, SAND) for i in range(4))
    return (box(120, 110, 150, 150, "#f2c230", 14) + dot(195, 185, 58, "#8e2218") + dot(195, 185 - 12 * (1 - pressed), 50, RED)
            + text(195, 192 - 12 * (1 - pressed), "STOP", 24, "white", 700)
            + box(390, 110, 60, 150, "#0f766e") + box(400, 122, 40, 26, "#d8f0ec", 3)
            + text(420, 141, f"{max(0, 12.4 * min(u, 0.375) / 0.375):.1f}", 14, INK, 600) + path("M450 130 h20 v16", width=5) + drops
            + box(380, 260, 140, 6, GREY, 2))


def warn(u, t):
    rings = "".join(dot(320, 180, 50 + ((i / 4 + t * 0.45) % 1) * 170, "none", RED, 4, 1 - (i / 4 + t * 0.45) % 1) for i in range(4))
    tilt = 12 * math.sin(t * 14)
    return (rings + f'<g transform="rotate({tilt:.1f} 320 130)">' + path("M280 210 q0 -75 40 -80 q40 5 40 80 z", "#f2c230", "#a37b00")
            + dot(320, 218, 9, "#a37b00") + "</g>" + person(90 - 40 * u, 285, "#0f766e", t * 9) + person(550 + 40 * u, 285, "#0f766e", t * 9))


def call(u, t):
    shown = "112"[: 1 + int(min(0.99, u * 2.2) * 3)]
    bars = "".join(path(f"M{410 + i * 26} {200 - 24 - i * 14} q{18 + i * 6} {24 + i * 14} 0 {48 + i * 28}", stroke="#0f766e", width=5)
                   for i in range(4) if (t * 3) % 4 >= i)
    keys = "".join(dot(284 + (i % 3) * 36, 196 + (i // 3) * 24, 8, "#3a4657") for i in range(6))
    return box(250, 92, 140, 190, INK, 18) + box(262, 108, 116, 62, "#d8f0ec", 6) + text(320, 152, shown, 36, "#0f766e", 700) + keys + bars


def lead(u, t):
    walkers = "".join(person(110 + 330 * ease(u * 1.1 - i * 0.07) - i * 46 + 60, 262, c, t * 9 + i)
                      for i, c in enumerate(("#f2994a", "#0f766e", "#0f766e", BLUE)))
    wind = "".join(line(580 - ((i * 90 + t * 70) % 240), 104 + i * 14, 552 - ((i * 90 + t * 70) % 240), 104 + i * 14, BLUE, 3) for i in range(3))
    return (box(30, 268, 580, 5, GREY, 2) + box(508, 128, 80, 80, "#15803d") + text(548, 182, "A", 46, "white", 700)
            + box(545, 208, 6, 60, GREY, 1) + wind + walkers)


# Film 2: the unloading of gas

def tanker(x, y, fill="#b45309"):
    return (box(x, y - 62, 170, 50, fill, 24) + box(x + 176, y - 56, 44, 46, "#6e3206", 6) + box(x + 198, y - 50, 18, 18, "#dbe7f7", 3)
            + box(x, y - 14, 220, 6, INK, 2) + "".join(dot(x + k, y - 4, 12, INK, GREY, 4) for k in (32, 64, 140, 196)))


def vessel(level, fill="#e9b98c"):
    top = 190 - 84 * level
    clip = f'<clipPath id="v"><rect x="396" y="106" width="190" height="84" rx="40"/></clipPath>'
    return (clip + box(396, 106, 190, 84, "white", 40, INK, 4) + f'<g clip-path="url(#v)"><rect x="396" y="{top:.1f}" width="190" height="90" fill="{fill}"/></g>'
            + box(396, 106, 190, 84, "none", 40, INK, 4) + box(430, 190, 12, 74, GREY, 1) + box(540, 190, 12, 74, GREY, 1))


GROUND = box(30, 266, 580, 5, GREY, 2)


def arrive(u, t):
    cones = "".join(path(f"M{x} 264 l8 -24 l8 24 z", "#ea7a1f", "#ea7a1f", 1) for x in (44, 320, 352))
    return GROUND + vessel(0.35) + tanker(-230 + 310 * ease(u * 1.4), 262) + cones


def bond(u, t):
    k = ease(u * 2)
    wire = f"M100 230 C 90 {230 + 20 * k:.1f}, 70 250, {60:.1f} 264"
    glow = dot(60, 264, 8 + 6 * abs(math.sin(t * 4)), "#f2c230", opacity=0.8) if k == 1 else ""
    lamp = dot(320, 110, 16, "#15803d" if u > 0.55 else "#b8bfc9") + text(320, 148, "OK" if u > 0.55 else "…", 18, INK, 700)
    length = 80 * k
    return GROUND + vessel(0.35) + tanker(80, 262) + f'<path d="{wire}" fill="none" stroke="#15803d" stroke-width="5" stroke-dasharray="{length:.0f} 200"/>' + glow + lamp


def hoses(u, t, level=0.35):
    liquid = [(200, 252), (200, 290), (480, 290), (480, 190)]
    vapour = [(480, 106), (480, 84), (180, 84), (180, 200)]
    lay = lambda pts, c: path("M" + " L".join(f"{x} {y}" for x, y in pts), stroke=c, width=9)
    return (GROUND + tanker(80, 262) + lay(vapour, "#c6d8ee") + lay(liquid, "#f2c7c1") + vessel(level)
            + stream(vapour, t, BLUE) + (stream(liquid, t, RED) if u > 0.35 else "")
            + text(330, 77, "пар", 15, BLUE, 600) + text(340, 312, "жидкость", 15, RED, 600))


def fill_up(u, t):
    level = 0.35 + 0.5 * ease(u * 1.35)
    done = level >= 0.8495
    return (hoses(0 if done else 1, t if not done else 0, level) + text(491, 156, f"{level * 100:.0f} %", 26, INK, 700)
            + line(388, 106 + 84 * 0.15, 596, 106 + 84 * 0.15, RED, 2, "6 5") + text(604, 124, "85", 14, RED, 700, "start"))


# Film 3: a straight line

def plane():
    grid = "".join(line(320 + i * 30, 84, 320 + i * 30, 324, "#dfe3ea", 1) + line(140, 264 - i * 30, 500, 264 - i * 30, "#dfe3ea", 1) if -2 <= i <= 6 else
                   line(320 + i * 30, 84, 320 + i * 30, 324, "#dfe3ea", 1) for i in range(-6, 7))
    marks = "".join(text(320 + i * 30, 280, str(i).replace("-", "−"), 11, GREY) for i in (-3, -2, -1, 1, 2, 3)) + "".join(
        text(311, 268 - i * 30, str(i), 11, GREY, anchor="end") for i in (1, 3, 5))
    return grid + line(140, 264, 506, 264, INK, 2) + line(320, 326, 320, 82, INK, 2) + text(512, 282, "x", 15, INK, 600) + text(336, 92, "y", 15, INK, 600) + marks


def at(x):
    return 320 + 30 * x, 264 - 30 * (2 * x + 1)


def table(u, t):
    rows = [(-1, -1), (0, 1), (1, 3), (2, 5)]
    out = text(320, 132, "y = 2x + 1", 34, "#4338ca", 700)
    for i, (x, y) in enumerate(rows):
        left = 148 + i * 88
        lit = u > 0.2 + i * 0.17
        out += box(left, 160, 80, 44, "#4338ca", 6) + text(left + 40, 189, str(x).replace("-", "−"), 20, "white", 600)
        out += box(left, 208, 80, 44, "#e4e2fb" if lit else "#eef0f4", 6) + (text(left + 40, 237, str(y).replace("-", "−"), 20, INK, 700) if lit else "")
    return out + text(128, 189, "x", 20, INK, 600) + text(128, 237, "y", 20, INK, 600) + dot(188 + 88 * 3 * min(1, u * 1.3), 272, 6, SAND)


def points(u, t):
    out = plane()
    for i, x in enumerate((-1, 0, 1, 2)):
        k = ease(u * 5 - i)
        if k > 0:
            px, py = at(x)
            out += dot(px, py - 60 * (1 - k), 7, "#4338ca", opacity=k) + text(px + (14 if x >= 0 else -14), py + 5, f"({x}; {2 * x + 1})".replace("-", "−"), 13, INK, 600, "start" if x >= 0 else "end", k)
    return out


def straight(u, t):
    k = ease(u * 1.3)
    (x1, y1), (x2, y2) = at(-1.5), at(-1.5 + 4.0 * k)
    return plane() + line(x1, y1, x2, y2, "#4338ca", 4) + "".join(dot(*at(x), 6, "#4338ca") for x in (-1, 0, 1, 2)) + dot(x2, y2, 9, SAND)


def slope(u, t):
    x = -1 + 2.0 * (0.5 - 0.5 * math.cos(u * math.pi * 2))
    (ax, ay), (bx, by) = at(x), at(x + 1)
    return (plane() + line(*at(-1.5), *at(2.5), "#4338ca", 4) + line(ax, ay, bx, ay, "#15803d", 4) + line(bx, ay, bx, by, RED, 4)
            + text((ax + bx) / 2, ay + 20, "1", 17, "#15803d", 700) + text(bx + 14, (ay + by) / 2 + 6, "2", 17, RED, 700) + dot(ax, ay, 7, SAND) + dot(bx, by, 7, SAND))


# Film 4: thirty seconds

def clock(seconds, x=540, y=150, r=54):
    a = seconds / 60 * 2 * math.pi
    big = 1 if seconds > 30 else 0
    return (dot(x, y, r, "white", "#9d2463", 5) + path(f"M{x} {y} V{y - r + 6} A{r - 6} {r - 6} 0 {big} 1 {x + (r - 6) * math.sin(a):.1f} {y - (r - 6) * math.cos(a):.1f} Z", "#f3d3e2", "none", 0)
            + line(x, y, x + (r - 12) * math.sin(a), y - (r - 12) * math.cos(a), "#9d2463", 4) + dot(x, y, 5, "#9d2463") + text(x, y + r + 24, f"{seconds:.0f} s", 18, INK, 700))


FLOOR = box(30, 290, 580, 5, GREY, 2)
COUNTER = box(300, 226, 150, 64, "#5e163b", 6) + box(290, 218, 170, 12, "#9d2463", 4)


def door(u, t):
    w = 70 * (1 - 0.75 * ease(u * 2))
    return FLOOR + box(60, 150, 80, 140, "#dbe7f7", 2, GREY, 4) + box(65, 155, w, 132, "#b9c7da", 2) + person(60 + 90 * ease(u * 1.2), 290, BLUE, t * 8) + person(375, 266 - 4 * abs(math.sin(t * 3)), "#9d2463") + COUNTER + clock(2 * u)


def greet(u, t):
    words = ["Salam!", "Good morning!", "Здравствуйте!"]
    i = min(2, int(u * 3))
    k = ease((u * 3 - i) * 4)
    bubble = box(210, 112, 190, 54, "white", 20, "#9d2463", 3) + path("M350 164 l14 24 l8 -26", "white", "#9d2463", 3) + box(346, 158, 32, 7, "white", 0) + text(305, 146, words[i], 20, INK, 700, opacity=k)
    return FLOOR + person(180 + 30 * u, 290, BLUE, t * 6) + person(375, 266, "#9d2463") + COUNTER + bubble + clock(2 + 6 * u)


def point_way(u, t):
    steam = "".join(path(f"M{92 + i * 14} {150 - (t * 16 + i * 9) % 26:.1f} q5 -7 0 -14", stroke=GREY, width=3) for i in range(3))
    return (FLOOR + box(76, 160, 62, 52, "#9d2463", 8) + path("M138 172 q22 12 0 28", stroke="#9d2463", width=6) + box(60, 214, 96, 76, "#e7d9c6", 4) + steam
            + person(240 - 50 * ease(u * 1.2), 290, BLUE, t * 6) + person(375, 266, "#9d2463") + COUNTER
            + path(f"M330 186 h{-60 - 12 * abs(math.sin(t * 3)):.1f} m0 0 l14 -9 m-14 9 l14 9", stroke="#9d2463", width=6) + clock(8 + 12 * u))


def help_begun(u, t):
    x = 345 - 75 * ease(u * 1.6)
    return FLOOR + person(250, 290, BLUE, 0.4) + person(375, 266, "#9d2463") + COUNTER + box(x, 186, 30, 32, "white", 5, "#9d2463", 4) + path(f"M{x + 8:.1f} {178 - (t * 14) % 14:.1f} q4 -6 0 -12 m12 12 q4 -6 0 -12", stroke=GREY, width=3) + clock(20 + 10 * u)


# name of the PDF's topic -> voice, colour and scenes (title, words to speak, drawing)
FILMS = {
    "safety-basics/3-1": ("en-gb", 150, "#0f766e", [
        ("Stop", "Stop. Press the emergency stop. It cuts the current to all the pumps.", stop),
        ("Warn", "Warn. Sound the alarm and clear the forecourt. Nobody starts an engine.", warn),
        ("Call", "Call one, one, two. Say where, what, and how many are hurt.", call),
        ("Lead", "Lead everyone to the assembly point, against the wind. Count them. Nobody goes back.", lead),
    ]),
    "lpg-handling/2-2": ("ru", 150, "#b45309", [
        ("Прибытие", "Автоцистерна встаёт носом к выезду. Площадка ограждена.", arrive),
        ("Заземление", "Первым делом присоединяют заземление и проверяют контакт.", bond),
        ("Пар, затем жидкость", "Сначала открывают паровую линию, потом жидкостную. Вентили открывают медленно.", hoses),
        ("Не выше 85 %", "На восьмидесяти пяти процентах насос останавливают. Заземление снимают последним.", fill_up),
    ]),
    "riyaziyyat-7/2-2": ("az", 145, "#4338ca", [
        ("Qiymətlər cədvəli", "Funksiyanın düsturu verilib. Əvvəlcə qiymətlər cədvəlini qururuq.", table),
        ("Nöqtələr", "Sonra nöqtələri koordinat müstəvisində qeyd edirik.", points),
        ("Düz xətt", "Nöqtələrdən düz xətt keçiririk. İki nöqtə kifayətdir, üçüncü yoxlamaq üçündür.", straight),
        ("Bucaq əmsalı", "İks bir vahid artanda, iqrek iki vahid artır. Bu, bucaq əmsalıdır.", slope),
    ]),
    "customer-service/1-1": ("en-gb", 150, "#9d2463", [
        ("Look up", "The door opens. Look up and nod. It costs you one second.", door),
        ("Greet", "Greet within five seconds, in the customer's own language.", greet),
        ("Point the way", "If you are busy, say when you can help, and point the way.", point_way),
        ("Help has begun", "After thirty seconds help has begun, and the visit feels easy.", help_begun),
    ]),
}


def frame(accent, number, scenes, start, length, total, second, drawing):
    """One picture: a head with the step's name, the drawing, the bar and the clock."""
    u = (second - start) / length
    seen = min(1.0, (second - start) / 0.35)
    bar = 600 * second / total
    steps = "".join(dot(456 + i * 16, 34, 5, "white" if i == number else "none", "white", 1.5) for i in range(len(scenes)))
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="Inter">'
            + box(0, 0, WIDTH, HEIGHT, PAPER, 0)
            + f'<g opacity="{seen:.2f}" transform="translate({round(10 * (0.5 - u))} 8)">{drawing(u, second)}</g>'
            + box(0, 0, WIDTH, 66, accent, 0)
            + text(24, 43, f"{number + 1}  {scenes[number][0]}", 27, "white", 700, "start") + steps
            + text(616, 40, f"{int(second) // 60}:{second % 60:04.1f}", 18, "white", 600, "end")
            + box(20, 346, 600, 5, "#dfe3ea", 2) + box(20, 346, max(4, bar), 5, accent, 2) + dot(20 + bar, 348.5, 7, accent, "white", 2)
            + "</svg>")


def run(*command):
    subprocess.run([str(c) for c in command], check=True, stdout=subprocess.DEVNULL)


def seconds_of(file):
    return float(subprocess.check_output(["ffprobe", "-v", "error", "-show_entries", "format=duration", "-of", "csv=p=0", str(file)]))


def make_film(name, output, scratch):
    voice, words_per_minute, accent, scenes = FILMS[name]
    scratch = Path(scratch) / name.replace("/", "-")
    scratch.mkdir(parents=True)
    lengths = []
    for i, (_, words, _) in enumerate(scenes):
        run("espeak-ng", "-v", voice, "-s", words_per_minute, "-w", scratch / f"{i}.wav", words)
        whole = seconds_of(scratch / f"{i}.wav") + PAUSE_SECONDS
        lengths.append(math.ceil(whole * FRAMES_PER_SECOND) / FRAMES_PER_SECOND)
    total = sum(lengths)

    def draw(n):
        second, number, start = n / FRAMES_PER_SECOND, 0, 0.0
        while number < len(scenes) - 1 and second >= start + lengths[number] - 1e-9:
            start += lengths[number]
            number += 1
        svg = scratch / f"{n:04}.svg"
        svg.write_text(frame(accent, number, scenes, start, lengths[number], total, second, scenes[number][2]))
        run("rsvg-convert", "-o", svg.with_suffix(".png"), svg)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(draw, range(round(total * FRAMES_PER_SECOND))))

    inputs, padded = [], ""
    for i, length in enumerate(lengths):
        inputs += ["-i", scratch / f"{i}.wav"]
        padded += f"[{i + 1}:a]aresample=44100,adelay=200,apad,atrim=0:{length}[a{i}];"
    joined = "".join(f"[a{i}]" for i in range(len(lengths)))
    tone = (f"aevalsrc='(0.018*sin(2*PI*196*t)+0.014*sin(2*PI*246.94*t)+0.012*sin(2*PI*293.66*t))*(0.65+0.35*sin(2*PI*0.15*t))"
            f"':s=44100:d={total},afade=t=in:d=0.6,afade=t=out:st={total - 1}:d=1[tone];")
    run("ffmpeg", "-v", "error", "-y", "-framerate", FRAMES_PER_SECOND, "-i", scratch / "%04d.png", *inputs,
        "-filter_complex", f"{padded}{joined}concat=n={len(lengths)}:v=0:a=1,volume=1.0[said];{tone}[said][tone]amix=2:normalize=0,alimiter=level=false:limit=0.7[sound]",
        "-map", "0:v", "-map", "[sound]", "-c:v", "libx264", "-profile:v", "baseline", "-level", "3.0", "-pix_fmt", "yuv420p",
        "-preset", "slow", "-tune", "animation", "-crf", "28", "-g", 2 * FRAMES_PER_SECOND, "-threads", "1", "-c:a", "aac", "-b:a", "56k", "-ac", "1", "-t", f"{total:.3f}",
        "-map_metadata", "-1", "-metadata:s:a:0", f"language={ {'en-gb': 'eng', 'ru': 'rus', 'az': 'aze'}[voice] }", "-fflags", "+bitexact", "-flags:v", "+bitexact", "-flags:a", "+bitexact",
        "-movflags", "+faststart", output)
