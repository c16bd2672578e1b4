"""Page One gate in a real Chromium: what a hand does to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests.browser.gate import OPENING, WATCH, centre, drag, draws, sentence, view, wait_for_link
from tests.browser.served import Served, settle
from tests.browser.test_frame import PATHS

Open = Callable[..., Page]


@pytest.fixture
def open_gate(open_page: Open) -> Open:
    """Opens the page with a query and waits until the component has drawn everything."""

    def opened(query: str = "", **screen: Any) -> Page:
        page = open_page("/gate" + query, **screen)
        page.wait_for_selector(".gate[data-settled]")
        return page

    return opened


def test_every_move_of_a_slider_redraws_and_only_the_release_runs_the_script(open_gate: Open) -> None:
    page = open_gate()
    expect(page.locator(".gate .sentence")).to_have_text(OPENING)
    page.evaluate(WATCH)
    _, y, box = centre(page, ".gate #range-sigma")
    start = box["x"] + box["width"] * 8 / 13
    before = draws(page)
    said = drag(page, [(start, y), *((start + 3 * k, y) for k in range(1, 21))])
    assert len(set(said)) == 20
    assert draws(page) - before >= 20
    assert said[0].endswith("kept.")
    assert said[-1].endswith("pruned.")
    assert page.evaluate("window.runs") == 0
    assert view(page) == {}
    page.mouse.up()
    link = wait_for_link(page, "sigma")
    settle(page)
    assert page.evaluate("window.runs") == 1
    assert f"sigma = {link['sigma']} " in sentence(page)


def test_the_point_of_the_map_can_be_dragged_and_the_link_opens_the_same_picture(open_gate: Open) -> None:
    page = open_gate()
    x, y, _ = centre(page, ".gate .map canvas")
    said = drag(page, [(x, y), (x + 20, y - 40), (x + 40, y - 80)])
    assert len(set(said)) == 2
    page.mouse.up()
    link = wait_for_link(page, "mu")
    after = sentence(page)
    again = open_gate("?" + urlsplit(page.url).query)
    assert view(again) == link
    assert sentence(again) == after


def test_mu_and_the_ends_are_dragged_on_the_density_itself(open_gate: Open) -> None:
    page = open_gate("?mu=-8&sigma=1")
    _, y, box = centre(page, ".gate .log canvas")
    # The axis goes from a - 5 to b + 5, with 14 pixels left free at each side.
    at = lambda log_theta: box["x"] + 14 + (log_theta + 25) / 30 * (box["width"] - 28)  # noqa: E731
    drag(page, [(at(-8), y), (at(-5), y)])
    page.mouse.up()
    page.wait_for_function("!location.search.includes('mu=-8&')")
    assert abs(float(view(page)["mu"]) + 5) < 0.1
    drag(page, [(at(-20), y), (at(-15), y)])
    page.mouse.up()
    page.wait_for_function("!location.search.includes('a=-20&')")
    assert abs(float(view(page)["a"]) + 15) < 0.1


def test_arrow_keys_number_boxes_and_presets_move_it_too(open_gate: Open) -> None:
    page = open_gate()
    page.locator(".gate #range-mu").focus()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("location.search.includes('mu=-0.1')")
    number = page.get_by_label("sigma, as a number")
    number.fill("3")
    number.press("Enter")
    expect(page.locator(".gate .sentence")).to_contain_text("sigma = 3")
    expect(page.locator(".gate .badge")).to_have_text("pruned")
    number.fill("much")
    number.press("Enter")
    expect(page.locator(".gate .hint")).to_contain_text("expected a number from 0.00034 to 148")
    page.get_by_role("button", name="Interval too short").click()
    expect(page.locator(".gate .sentence")).to_have_text("At mu = −1.5 and sigma = 20 this gate’s SNR is 1.23: kept.")
    page.wait_for_function("location.search.includes('a=-3')")
    page.locator(".gate .map canvas").focus()
    page.keyboard.press("ArrowUp")
    expect(page.locator(".gate .sentence")).to_contain_text("sigma = 22.1")


def test_the_back_button_leads_to_the_page_before(open_gate: Open) -> None:
    page = open_gate()
    page.get_by_test_id("stTopNavLink").filter(has_text="Theory").click()
    page.get_by_test_id("stTopNavLink").filter(has_text="One gate").click()
    number = page.get_by_label("sigma, as a number")
    for sigma in ("3", "5"):
        number.fill(sigma)
        number.press("Enter")
        wait_for_link(page, f"sigma={sigma}")
    page.go_back()
    page.wait_for_url("**/theory*")


def test_figures_say_what_they_show_to_a_screen_reader(open_gate: Open) -> None:
    page = open_gate("?sigma=3")
    for canvas in page.locator(".gate figure[data-figure] canvas").all():
        assert "." in (canvas.get_attribute("aria-label") or "")
    density = page.get_by_role("slider", name="Density of log theta")
    expect(density).to_have_attribute("aria-valuetext", "mu = 0")


def test_one_unit_dies_at_the_press_of_a_button(open_gate: Open) -> None:
    page = open_gate()
    page.get_by_role("button", name="Watch a unit being pruned").click()
    expect(page.locator(".gate .badge")).to_have_text("kept")
    expect(page.locator(".gate .badge")).to_have_text("pruned", timeout=20_000)
    page.locator(".step .slowly").click()
    wait_for_link(page, "sigma")


def test_a_deep_link_opens_on_a_server_nobody_has_used(open_gate: Open, fresh_server: Served) -> None:
    page = open_gate("?mu=-1&sigma=2&a=-10&b=1", at=fresh_server)
    expect(page.locator(".gate .sentence")).to_contain_text("At mu = −1 and sigma = 2")
    expect(page.get_by_label("a, as a number", exact=True)).to_have_value("−10")
    expect(page.get_by_test_id("stTopNavLink")).to_have_count(len(PATHS))


def test_bad_values_in_the_link_fall_back_and_the_page_says_so(open_gate: Open) -> None:
    page = open_gate("?mu=abc&sigma=-4&a=3&b=1")
    said = page.get_by_test_id("stAlert")
    expect(said.first).to_contain_text("The link says mu = 'abc'; expected a number from -45 to 10.")
    expect(said.first).to_contain_text("sigma = '-4'")
    expect(said.last).to_contain_text("expected b at least 0.5 above a")
    expect(page.locator(".gate .sentence")).to_have_text(OPENING)


def test_what_was_set_is_still_there_after_a_look_at_another_page(open_gate: Open) -> None:
    page = open_gate()
    page.get_by_role("button", name="Pruned", exact=True).click()
    page.wait_for_function("location.search.includes('sigma=20')")
    page.get_by_test_id("stTopNavLink").filter(has_text="Runs").click()
    page.wait_for_url("**/runs*")
    settle(page)
    assert "sigma" not in view(page)
    page.get_by_test_id("stTopNavLink").filter(has_text="One gate").click()
    page.wait_for_url("**/gate*")
    expect(page.locator(".gate .sentence")).to_contain_text("sigma = 20")
    wait_for_link(page, "sigma=20")


def test_the_link_can_be_copied(open_gate: Open) -> None:
    page = open_gate("?sigma=2")
    page.get_by_role("button", name="Copy link").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == f"{page.url}&embed_options=light_theme"


def test_a_figure_is_saved_as_svg_and_as_png(open_gate: Open) -> None:
    page = open_gate()
    page.locator(".gate .map").hover()
    for kind, start in (("SVG", b"<svg xmlns"), ("PNG", b"\x89PNG")):
        with page.expect_download() as download:
            page.locator(".gate .map").get_by_role("button", name=kind).click()
        assert download.value.suggested_filename == f"gate-map.{kind.lower()}"
        assert download.value.path().read_bytes().startswith(start)


def test_a_narrow_screen_has_no_horizontal_scroll_and_takes_a_finger(open_gate: Open) -> None:
    page = open_gate(width=390, height=844)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    slider = page.locator(".gate #range-sigma")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] - 30, box["y"] + box["height"] / 2)
    expect(page.locator(".gate .badge")).to_have_text("pruned")


def test_the_dark_theme_is_dark_in_the_figures_too(open_gate: Open) -> None:
    page = open_gate(dark=True)
    # The corner of the map's canvas is ground, the middle of its upper part is what prunes: both are dark.
    colours = page.locator(".gate .map canvas").evaluate(
        """(canvas) => [[4, 4], [canvas.width / 2, canvas.height * 0.12]].map(([x, y]) =>
             [...canvas.getContext('2d').getImageData(x, y, 1, 1).data])"""
    )
    assert all(sum(pixel[:3]) < 300 for pixel in colours if pixel[3] > 0)
    assert colours[1][3] == 255


def test_the_main_figure_is_above_the_fold(open_gate: Open) -> None:
    page = open_gate()
    for part in (".log", ".theta", ".map", ".side", ".strip"):
        box = page.locator(f".gate {part}").bounding_box()
        assert box is not None
        assert box["y"] + box["height"] <= 768, part


def test_what_an_snr_is_stands_beside_the_gauge_and_follows_the_hand(open_gate: Open) -> None:
    page = open_gate("?mu=-6&sigma=20")
    defined = page.locator(".gate .defined")
    expect(defined).to_contain_text("SNR = mean / sd = 0.05136 / 0.1513 = 0.339")
    expect(defined).to_contain_text("0.333")
    remark = page.locator(".gate .remark")
    expect(remark).to_contain_text("0.151")
    expect(remark).to_contain_text("0.0514")
    page.get_by_role("button", name="Useful").click()
    expect(defined).not_to_contain_text("0.05136")


def test_a_refused_number_leaves_its_box(open_gate: Open) -> None:
    page = open_gate("?sigma=3")
    number = page.get_by_label("sigma, as a number")
    number.fill("-4")
    number.press("Enter")
    expect(page.locator(".gate .hint")).to_contain_text("-4")
    expect(number).to_have_value("3")


def test_a_map_without_a_pruned_zone_names_none(open_gate: Open) -> None:
    page = open_gate()
    page.evaluate(
        "() => { window.said = []; const own = CanvasRenderingContext2D.prototype.fillText;"
        " CanvasRenderingContext2D.prototype.fillText = function (words, ...rest) {"
        " if (this.canvas.closest('.map')) window.said.push(words); return own.call(this, words, ...rest); }; }"
    )
    page.get_by_role("button", name="Pruned", exact=True).click()
    page.wait_for_function("window.said.includes('pruned') && window.said.includes('kept')")
    page.get_by_role("button", name="Interval too short").click()
    expect(page.locator(".gate .sentence")).to_contain_text("1.23")
    page.evaluate("window.said = []")
    page.get_by_label("mu, as a number").press("ArrowUp")
    page.wait_for_function("window.said.includes('kept')")
    assert "pruned" not in page.evaluate("window.said")


def test_a_training_step_goes_by_stages_and_then_moves_the_gate(open_gate: Open) -> None:
    page = open_gate()
    now, section = page.locator(".step li.now"), page.locator(".step")
    for name in ("Sample theta", "Forward", "The data", "The KL", "New SNR"):
        expect(now).to_contain_text(name)
        if name != "New SNR":
            section.press("ArrowRight")
    expect(now).to_contain_text("it was 2.09")
    section.press("ArrowLeft")
    expect(now).to_contain_text("The KL")
    page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Next").click()
    link = wait_for_link(page, "sigma")
    expect(now).to_contain_text("Sample theta")
    assert abs(float(link["mu"])) == pytest.approx(0.1)
    assert float(link["sigma"]) in (pytest.approx(0.9048), pytest.approx(1.105))
    expect(page.locator(".step.stale")).to_have_count(0)
    first = now.text_content() or ""
    page.locator(".step .slowly").click()
    expect(now).to_contain_text("Forward")
    page.locator(".step .slowly").click()
    section.press("ArrowLeft")
    expect(now).to_have_text(first)


def test_a_step_of_another_gate_is_dim_until_its_own_comes(open_gate: Open) -> None:
    page = open_gate()
    _, y, box = centre(page, ".gate #range-sigma")
    start = box["x"] + box["width"] * 8 / 13
    drag(page, [(start, y), (start + 30, y)])
    expect(page.locator(".step.stale")).to_have_count(1)
    page.mouse.up()
    expect(page.locator(".step.stale")).to_have_count(0)
