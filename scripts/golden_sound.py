#!/usr/bin/env python3
"""Writes tests/golden/sound.json: what librosa makes of small generated sounds.

    scripts/golden_sound.py     needs librosa (pip install librosa); the tests read the committed file and need nothing

Tests do not run this script. Every sound is a list of whole numbers, 32768ths, as a 16-bit file has them; librosa
computes in double. Slopes are its delta(width=5, mode="nearest"), slopes of slopes that of the slopes; normalising
is (x - mean) / deviation of each coefficient (population), written out here.
"""
import json
import pathlib
import sys

import librosa
import numpy as np

OUT = pathlib.Path(__file__).resolve().parent.parent / "tests" / "golden" / "sound.json"
rng = np.random.default_rng(20261129)


def spoken(n, rate, level=8000, noise=30):
    """Pulses of a voice through two resonances that glide, and noise: what speech is to a filter bank."""
    t = np.arange(n) / rate
    pitch = np.cumsum(120 + 40 * np.sin(2 * np.pi * 3 * t)) / rate
    voice = sum(np.sin(2 * np.pi * k * pitch) / k for k in range(1, 12))
    glide = np.sin(2 * np.pi * np.cumsum(700 + 900 * t / max(t[-1], 1e-9)) / rate)
    wave = level * voice * (0.6 + 0.4 * glide) * np.hanning(n + 2)[1:-1] + noise * rng.normal(size=n)
    return np.clip(np.round(wave), -32768, 32767).astype(int)


def case(name, samples, rate=8000, frame=200, hop=80, fft=256, bands=40, mfcc=0, deltas=0, low=0.0, high=None,
         pre_emphasis=0.0, clip=False):
    high = rate / 2 if high is None else high
    y = np.asarray(samples, np.float64) / 32768
    if pre_emphasis:
        y = librosa.effects.preemphasis(y, coef=pre_emphasis, zi=np.zeros(1))
    mel = librosa.feature.melspectrogram(y=y, sr=rate, n_fft=fft, win_length=frame, hop_length=hop, window="hann",
                                         center=True, pad_mode="constant", power=2.0, n_mels=bands, fmin=low, fmax=high,
                                         dtype=np.float64)
    decibels = librosa.power_to_db(mel)
    out = librosa.feature.mfcc(S=decibels, n_mfcc=mfcc) if mfcc else decibels
    parts = [out]
    for _ in range(deltas):
        parts.append(librosa.feature.delta(parts[-1], width=5, mode="nearest"))
    out = np.concatenate(parts)
    if clip:
        out = (out - out.mean(1, keepdims=True)) / out.std(1, keepdims=True)
    return {"name": name, "rate": rate, "frame": frame, "hop": hop, "fft": fft, "bands": bands, "mfcc": mfcc,
            "deltas": deltas, "low": low, "high": high, "pre_emphasis": pre_emphasis, "clip": clip,
            "samples": [int(s) for s in samples], "frames": out.shape[1],
            "features": [float(f"{x:.9g}") for x in out.T.ravel()]}


def trim(name, samples, top_db, frame=200, hop=80):
    y = np.asarray(samples, np.float64) / 32768
    _, (begin, end) = librosa.effects.trim(y, top_db=top_db, frame_length=frame, hop_length=hop)
    return {"name": name, "samples": [int(s) for s in samples], "frame": frame, "hop": hop, "top_db": top_db,
            "begin": int(begin), "end": int(end)}


def main():
    if len(sys.argv) > 1:
        print("golden_sound: takes no arguments", file=sys.stderr)
        sys.exit(2)
    voice = spoken(1500, 8000)
    gap = np.concatenate([spoken(500, 8000), np.zeros(500, int), spoken(300, 8000, level=1000)])
    quiet = lambda n: np.round(5 * rng.normal(size=n)).astype(int)
    cases = [
        case("log mel", voice),
        case("log mel, each clip normalised", spoken(1111, 8000), clip=True),
        case("mfcc with slopes of slopes", spoken(2400, 16000), 16000, 400, 160, 512, 40, 13, 2),
        case("mfcc as of old: pre-emphasis, telephone band", voice[:1000], bands=26, mfcc=12, low=50.0, high=3400.0,
             pre_emphasis=0.97, deltas=1),
        case("silence within: 80 dB below the loudest", gap, bands=20),
        case("silence alone", np.zeros(170, int), bands=8),
        case("one sample", np.array([12345]), bands=10, deltas=2),
        case("shorter than a frame", spoken(60, 8000), bands=10, mfcc=5, deltas=1),
        case("an FFT of 240, frames of odd length", voice[:700], frame=199, hop=77, fft=240, bands=12),
        case("22050 Hz, librosa's own sizes", spoken(3000, 22050), 22050, 2048, 512, 2048, 128, 20),
    ]
    trims = [
        trim("quiet at both ends", np.concatenate([quiet(700), spoken(900, 8000), quiet(333)]), 30),
        trim("quiet at the end, shorter than a hop", np.concatenate([spoken(900, 8000), quiet(50)]), 20),
        trim("nothing to cut", voice, 90),
        trim("silence", np.zeros(400, int), 30),
    ]
    text = json.dumps({"written_by": "librosa " + librosa.__version__, "cases": cases, "trims": trims},
                      separators=(",", ":"))
    OUT.write_text(text.replace('{"name":', '\n{"name":') + "\n")


if __name__ == "__main__":
    main()
