#!/usr/bin/env python3
"""Writes capitals.ttf, the badge's letters: the capitals of Noto Sans SemiBold with their kerning.

usage: font.py NotoSans_600SemiBold.ttf
needs: fonttools 4.68.0
source: npm @expo-google-fonts/noto-sans 0.4.2, file 600SemiBold/NotoSans_600SemiBold.ttf, version 2.015 of the font,
        sha256 e691fe27813ec6ed11d0a5be4c6c1f6739996ed682462eaa3244a6185217dd6c

Noto Sans reserves no font name (OFL.txt), so the subset keeps its own. Hints go: the letters are drawn with soft edges.
Kerning goes from the table GPOS into the table kern, which is the one that the program reads.
"""
import sys
from pathlib import Path

from fontTools import subset
from fontTools.ttLib import TTFont, newTable
from fontTools.ttLib.tables._k_e_r_n import KernTable_format_0

# The texts are capitals: of Latin (with Latin-1, Latin Extended-A, Romanian's and the sharp s), Greek and Cyrillic.
CHARACTERS = {
    *" '’-·0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZȘȚẞ",
    *(chr(c) for c in range(0xC0, 0x180) if chr(c).isupper() and chr(c) not in "ĿŉŊŦ"),
    *(chr(c) for c in range(0x386, 0x3AC) if chr(c).isupper()),
    *(chr(c) for c in range(0x400, 0x430) if chr(c).isupper()),
    "Ґ",
}
# Copyright, names, version, trademark and licence of the font's own description.
NAMES = [0, 1, 2, 3, 4, 5, 6, 7, 13, 14]
# Smaller steps, in thousandths of an em, are not seen in a badge.
LEAST_KERNING = 8


def kerning(font):
    """{(left glyph, right glyph): font units} of the GPOS feature kern; the first subtable that names a pair counts."""
    gpos = font["GPOS"].table
    lookups = sorted({i for f in gpos.FeatureList.FeatureRecord if f.FeatureTag == "kern" for i in f.Feature.LookupListIndex})
    pairs = {}
    for lookup in (gpos.LookupList.Lookup[i] for i in lookups):
        found = {}
        for table in (getattr(t, "ExtSubTable", t) for t in lookup.SubTable):
            for at, left in enumerate(table.Coverage.glyphs):
                if table.Format == 1:
                    values = {r.SecondGlyph: r.Value1 for r in table.PairSet[at].PairValueRecord}
                else:
                    row = table.Class1Record[table.ClassDef1.classDefs.get(left, 0)].Class2Record
                    values = {g: row[table.ClassDef2.classDefs.get(g, 0)].Value1 for g in font.getGlyphOrder()}
                for right, value in values.items():
                    found.setdefault((left, right), getattr(value, "XAdvance", 0))
        for pair, value in found.items():
            pairs[pair] = pairs.get(pair, 0) + value
    return {pair: value for pair, value in pairs.items() if abs(value) >= LEAST_KERNING}


def main():
    font = TTFont(sys.argv[1], recalcTimestamp=False)
    options = subset.Options(layout_features=["kern"], hinting=False, name_IDs=NAMES, notdef_outline=True)
    options.drop_tables += ["DSIG", "GDEF", "GSUB", "STAT", "meta", "gasp"]
    subsetter = subset.Subsetter(options)
    subsetter.populate(text="".join(sorted(CHARACTERS)))
    subsetter.subset(font)
    table = KernTable_format_0()
    table.coverage, table.apple = 1, False
    table.kernTable = kerning(font)
    font["kern"] = newTable("kern")
    font["kern"].version, font["kern"].kernTables = 0, [table]
    del font["GPOS"]
    font.save(Path(__file__).parent / "capitals.ttf")


if __name__ == "__main__":
    main()
