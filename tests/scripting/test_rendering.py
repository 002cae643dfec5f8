"""From scripts and values to words."""

import threading

import pytest

from engine.errors import NotFound, ScriptError
from engine.scripting.rendering import Renderer
from tests.scripting.makers import BASE, make_library, make_values, shipped_library


def test_a_script_becomes_words_block_by_block(tmp_path) -> None:
    """Each block is said in the order of the call, whatever their order in the file."""
    swapped = "{% block closing %}再见。{% endblock %}{% block opening %}我是{{ brand }}。{% endblock %}"
    words = Renderer(make_library(tmp_path, a=swapped)).words("a", {"brand": "青禾"})

    assert words.blocks == (("opening", "我是青禾。"), ("closing", "再见。"))
    assert words.text == "我是青禾。\n再见。"


def test_a_variant_says_what_its_parent_says_but_for_one_block(tmp_path) -> None:
    """Blocks that a variant does not write are the parent's."""
    variant = '{% extends "base.j2" %}{% block benefit %}{{ incentive }}等您领取。{% endblock %}'
    renderer = Renderer(make_library(tmp_path, base=BASE, gift=variant))
    base, gift = (dict(renderer.words(name, make_values()).blocks) for name in ("base", "gift"))

    assert gift.pop("benefit") == "二十元优惠券等您领取。"
    assert base.pop("benefit") == "您有一份礼遇。"
    assert gift == base


def test_super_says_the_words_of_the_parent(tmp_path) -> None:
    """A variant may add to its parent's block, over several generations."""
    library = make_library(
        tmp_path,
        base=BASE,
        more='{% extends "base.j2" %}{% block closing %}谢谢。{{ super() }}{% endblock %}',
        most='{% extends "more.j2" %}{% block closing %}好的。{{ super() }}{% endblock %}',
    )

    assert dict(Renderer(library).words("most", make_values()).blocks)["closing"] == "好的。谢谢。再见。"


def test_what_parents_say_is_counted_like_everything_else(tmp_path) -> None:
    """Words cannot be multiplied through generations of super()."""
    twice = '{{% extends "{}.j2" %}}{{% block opening %}}{{{{ super() }}}}{{{{ super() }}}}{{% endblock %}}'
    looped = '{% extends "base.j2" %}{% block opening %}{% for i in range(9) %}{{ super() }}{% endfor %}{% endblock %}'
    big = '{% extends "long.j2" %}{% block opening %}{{ x }}{{ x }}{{ super() }}{% endblock %}'
    library = make_library(
        tmp_path, base=BASE, twice=twice.format("base"), looped=looped, long=BASE.replace("您好", "{{ x }}"), big=big
    )
    renderer = Renderer(library)

    for name in ("twice", "looped", "big"):
        with pytest.raises(ScriptError):
            renderer.words(name, make_values(x="x" * 9_000))


def test_line_breaks_of_the_file_are_not_said(tmp_path) -> None:
    """A break vanishes beside Chinese and is a space between English words."""
    library = make_library(
        tmp_path,
        zh="{% block opening %}\n您好，\n  我是\n{{ brand }}\n的助理。\n{% endblock %}",
        en="{% block opening %}\nHello,\n  this is\n{{ brand }}\ncalling.\n{% endblock %}",
    )
    renderer = Renderer(library)

    assert renderer.words("zh", {"brand": "青禾"}).text == "您好，我是青禾的助理。"
    assert renderer.words("en", {"brand": "Greenfield"}).text == "Hello, this is Greenfield calling."


def test_a_standard_value_that_is_absent_can_be_asked_for_and_not_said(tmp_path) -> None:
    """`{% if name %}` is false for a contact without a name; a misspelled value is an error even there."""
    asked = "{% block opening %}{% if name %}{{ name }}，{% endif %}您好{% endblock %}"
    said = "{% block opening %}{{ name }}您好{% endblock %}"
    wrong = "{% block opening %}{% if nmae %}{% endif %}您好{% endblock %}"
    renderer = Renderer(make_library(tmp_path, asked=asked, said=said, wrong=wrong))

    assert renderer.words("asked", {}).text == "您好"
    assert renderer.words("asked", {"name": None}).text == "您好"
    assert renderer.words("asked", {"name": "林女士"}).text == "林女士，您好"
    with pytest.raises(ScriptError, match="there is no value 'name'"):
        renderer.words("said", {})
    with pytest.raises(ScriptError, match="empty"):
        renderer.words("said", {"name": None})
    with pytest.raises(ScriptError, match="nmae"):
        renderer.words("wrong", {"name": "林女士"})


def test_values_are_said_as_they_are(tmp_path) -> None:
    """A value is never read as a template, nor escaped as if words were HTML."""
    renderer = Renderer(make_library(tmp_path, base=BASE, sms__link="{{ brand }}: {{ link }}\n"))

    assert "<{{ name }}>&" in renderer.words("base", {"brand": "<{{ name }}>&"}).text
    assert renderer.message("link", {"brand": "B&B", "link": "https://x.example/?a=1&b=2"}) == (
        "B&B: https://x.example/?a=1&b=2"
    )


def test_an_error_in_an_inherited_block_names_the_parent(tmp_path) -> None:
    """The file to mend is the one that wrote the block."""
    broken = BASE.replace("请您留意短信", "{{ when }}")
    variant = '{% extends "base.j2" %}{% block benefit %}好消息。{% endblock %}'
    renderer = Renderer(make_library(tmp_path, base=broken, gift=variant))

    with pytest.raises(ScriptError) as stopped:
        renderer.words("gift", make_values())
    assert (stopped.value.name, stopped.value.line) == ("base", 3)


def test_words_outside_of_the_blocks_are_refused(tmp_path) -> None:
    """What would never be said cannot be written by mistake."""
    with pytest.raises(ScriptError, match="in none of the blocks") as stopped:
        Renderer(make_library(tmp_path, a=BASE + "\n忘了这句")).words("a", make_values())
    assert stopped.value.line == 6


def test_unknown_names_of_files_are_not_found(tmp_path) -> None:
    """A wrong name is answered with the nearest right one."""
    renderer = Renderer(make_library(tmp_path, classic=BASE, sms__link="{{ brand }} {{ link }}"))

    with pytest.raises(NotFound, match="did you mean 'classic'"):
        renderer.words("clasic", {})
    with pytest.raises(NotFound, match="did you mean 'link'"):
        renderer.message("lnik", {})


def test_one_renderer_serves_many_threads() -> None:
    """Words depend on the values alone, also when many calls are prepared at once."""
    renderer = Renderer(shipped_library())
    wrong: list[str] = []

    def speak(number: int) -> None:
        for _ in range(200):
            text = renderer.words("classic", {"brand": f"品牌{number}"}).text
            if f"品牌{number}的" not in text:
                wrong.append(text)

    threads = [threading.Thread(target=speak, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert wrong == []
