"""Frozen vectors of the key: changing one disowns every record that was ever stored.

A change here is a new key version, not a new number.
"""

from __future__ import annotations

from enum import Enum


class Direction(Enum):
    """An enum of which the frozen text says where it is defined."""

    __module__ = "sweeper.model"
    MINIMIZE = "minimize"


# A value; its canonical text; the config_key of nine sections {"policy": "absent"}, except that
# params is {"policy": "all", "values": {"x": value}, "ignored": []}.
VALUES: tuple[tuple[object, str, str], ...] = (
    (None, "null", "bea8e4b4e81bdb1042815d242635fc235f68e6b1fe0e43b6a6b6814d0f607a08"),
    (True, "true", "262a55c419765bb03244f6a36580080ec59819b5ba71c936f3c739d815b1f452"),
    (False, "false", "38a5e5d0509f2b11f214a41a1719a83e74108d41dc7b2b0a4e4ab2d3f3064842"),
    (0, '{"$i":"0"}', "4a4a038522e0de736c934c48ca6606c5001e1a1f61c5b74ca35c5148b050d660"),
    (1, '{"$i":"1"}', "09bba093ca8017d92d87b58c3b0b6afe1d22db5113b3a0b58f69c05972c77f60"),
    (-1, '{"$i":"-1"}', "1ac35c11f52e49f22e764391abd19d964137be35347c4cfeb1cfa67969a36942"),
    (
        2**63,
        '{"$i":"9223372036854775808"}',
        "15f88f541492131492ff94161881f9263b0c84f49c15dc610cdc10bbed6bb3f9",
    ),
    (
        10**30,
        '{"$i":"1000000000000000000000000000000"}',
        "d50f1945887b1ba2e45c67a4ffaf7825d9aa6b03fff6de3bea08b8a7ba2cc04c",
    ),
    (0.0, '{"$f":"0x0p+0"}', "6a866c8cec9375316ba388dd5e256d37bdac1602ba8ba7cfe1ae1fe1d0d255bf"),
    (
        1.0,
        '{"$f":"0x1.0000000000000p+0"}',
        "804c6b8e528b221202e9082cc9540e20429efb2964088a09bbf91d97106bb439",
    ),
    (
        -1.5,
        '{"$f":"-0x1.8000000000000p+0"}',
        "6a48535f501d7fce05ab0e364d08ae859e22d2f80556be5816b8fb2836a4a4c9",
    ),
    (
        0.1,
        '{"$f":"0x1.999999999999ap-4"}',
        "e142d190880ebbcc19634db934410b936f56106b87b56669dd860443c575b8d4",
    ),
    (
        1e-8,
        '{"$f":"0x1.5798ee2308c3ap-27"}',
        "a8cb6a286ff76244957b6c40e8341412a228c1f354185b56637a329aae6e81c9",
    ),
    (
        5e-324,
        '{"$f":"0x0.0000000000001p-1022"}',
        "9df0347e92bd335bb15ad312c9b56abd753f4374b55f6e9d68675cd784214a8b",
    ),
    (
        float("inf"),
        '{"$f":"inf"}',
        "471f12dbcb03925f89830234c58dc3a8f971e11796050c65515f10f94fb3a976",
    ),
    (
        float("-inf"),
        '{"$f":"-inf"}',
        "d4ffd841a82f694497e653f163578dfcc064e158f5f243ba55c080605603b81f",
    ),
    ("", '""', "7146e54156d1b557662961260b5f8452f791384e54a6f440d7f3c8fe14be1344"),
    ("1", '"1"', "f021e1c0307e38dd2d5bb46b47ddf012c1087adda4945a24b4794ec0211f2ebf"),
    ("true", '"true"', "71a612b9a8214e83dc79485e0df1cdf3f11c1d73dcc7b6129e1789442b79cdb1"),
    ("adam", '"adam"', "6f053c177f6ee80f05cc1bac249ca26f685da05f199803de4bfb334043a42d96"),
    (
        "naïve ☃",
        '"na\\u00efve \\u2603"',
        "73d976f79ffcdd4bd1481b602de276dcceb08827a5ebe34fe875ac3a50865fb9",
    ),
    ("😀", '"\\ud83d\\ude00"', "dfdeab54168dae5ec0668ca108de9dfcdc2892c9e1efca8faae09ce271aa2076"),
    (
        'quote " and \\ back',
        '"quote \\" and \\\\ back"',
        "1108a95b8c2c7a6f3504391c863b25ea33b649e837e7f79b6c812daef5eebc16",
    ),
    (
        "line\nbreak\x00\x7f",
        '"line\\nbreak\\u0000\\u007f"',
        "aa2e8812f98cf64b827c897f98ee24a8855073b0b21d42214a7fff8e3a2dbb68",
    ),
    (b"", '{"$b":""}', "cbe468617e423a6947840aaf61b71aad4e1ab4026e07bedb418573a0fa013768"),
    (
        b"\x00\xff",
        '{"$b":"00ff"}',
        "ebcb1cef00ea28ce332b2102f1ec16f3a3a7c863433e84c0d40f9820b49c3037",
    ),
    ([], "[]", "61a89060ab54016b973e177f9ddc608ee871ebb95bdc17b758e6f327aa256698"),
    (
        [1, 1.0, True, "1"],
        '[{"$i":"1"},{"$f":"0x1.0000000000000p+0"},true,"1"]',
        "50d7ae04448af31ac1e49bdb693730cd0e59e1d3eff72bdd2f0aa47a9638b8de",
    ),
    (
        (1, (2,), []),
        '[{"$i":"1"},[{"$i":"2"}],[]]',
        "4e1c4d4b0af8be24755fe569062f0fef0e495e55b49430024e60336f69d2dbef",
    ),
    ({}, '{"$d":[]}', "b7c01689730bef054fe220fe1966c88538e59ef951b3b05b8a606c414206f7b5"),
    (
        {"b": 1, "a": 2},
        '{"$d":[["a",{"$i":"2"}],["b",{"$i":"1"}]]}',
        "f13bb4a468b67d6ded694f8257a46362676b7066449b029603dd5d99d5e6397a",
    ),
    (
        {"$i": "1"},
        '{"$d":[["$i","1"]]}',
        "3743c326d4d6c2987b0756948549c7027895c11d4333569fe4be4b297bf6bb8d",
    ),
    (
        {"a": {"b": {"c": None}}},
        '{"$d":[["a",{"$d":[["b",{"$d":[["c",null]]}]]}]]}',
        "5e7cce67e18a83d96f0f441b0a9fce7b66f6b126ee8ecbc824f582ef4c90b9f5",
    ),
    (
        {"é": 1, "z": 2, "Z": 3},
        '{"$d":[["Z",{"$i":"3"}],["z",{"$i":"2"}],["\\u00e9",{"$i":"1"}]]}',
        "e8c3a1d45aad15c50b46284328d1e34f8f294a13f0600e7f59ca967a34a8474d",
    ),
    (set(), '{"$set":[]}', "a3e241fd04531abc5b432c42ddb2360de2daf0d9b4ea6b87ea1e74a7cd4b2f8e"),
    (
        {3, 1, 2},
        '{"$set":[{"$i":"1"},{"$i":"2"},{"$i":"3"}]}',
        "6439f8588752dfa102ca4c89ccbf7cfb588435a4e35827a6f17d742fd923b9ad",
    ),
    (
        frozenset({"b", "a"}),
        '{"$set":["a","b"]}',
        "4d7456ba5a4d0f5a7087e9f06e8e89b7e827d5a0ae1edb1c45ea31b9e222063e",
    ),
    (
        Direction.MINIMIZE,
        '{"$enum":["sweeper.model.Direction","MINIMIZE"]}',
        "410837fe64c518c2b3518a6cb765a0467549eb8b7a61da29d78c1e5b81da8c49",
    ),
)

# A configured seed or None, a replicate, which is added; seed and run_key of nine sections
# {"policy": "absent"}.
SEEDS: tuple[tuple[int | None, int, int, str], ...] = (
    (None, 0, 1767553209, "8acb411480ddfd810b3559232d1982bf69c8ec992e26eb69c588052e415d929a"),
    (None, 1, 1773490670, "808bc466d496b7a4cb0d69460807925bb8e70b6cabb82daac3f91b01a3f44718"),
    (None, 2, 1471432033, "07aaf1a19abea450fc3b2162eda8251cf304cdb031555fbb2f909336ad83c996"),
    (0, 0, 0, "475c699a0f48a41a86e72e80ffc2b1ee3be948e727989c1d8d26388e7834c9ac"),
    (7, 0, 7, "79b2c1c90d7acd6dfcd64bfe64f4f83de43e02064a1de947d826c9effc65ea9a"),
    (7, 1, 8, "8b14a043c24ea78ff833820a1575d68e4e165d3e6a1418855776d89a07490fad"),
    (8, 0, 8, "8b14a043c24ea78ff833820a1575d68e4e165d3e6a1418855776d89a07490fad"),
    (
        18446744073709551615,
        0,
        18446744073709551615,
        "343cf1127fc5bb4bd2d4b5bc0a507933ca9687dce4a34e81c547c6fbe59fd23a",
    ),
)

# Search seed, trial number, replicate; the seed of a trial that has no key.
FALLBACK_SEEDS: tuple[tuple[tuple[int, int, int], int], ...] = (
    ((0, 0, 0), 797542061),
    ((0, 1, 0), 800377967),
    ((1, 0, 0), 574706681),
    ((0, 0, 1), 1611361078),
    ((-1, 5, 0), 1366139873),
)
