import json
import re
import shutil
import struct
import time
import zlib

import numpy as np
import pytest
from PIL import Image

from tsjnet_mm.apis import FusionInferencer
from tsjnet_mm.datasets.toy import draw_scene

#: The model that the page begins with.
MODEL = 'tsjnet-light'
#: What the browser loads on its own behalf.
OWN_SCHEMES = ('data:', 'blob:', 'chrome:', 'about:', 'chrome-untrusted:', 'chrome-extension:')


@pytest.fixture(scope='module')
def browser(gradio, tmp_path_factory):
    """Headless Chromium; downloads go to ``browser.downloads``."""
    webdriver = pytest.importorskip('selenium.webdriver', reason='needs selenium')
    paths = [shutil.which(name) for name in ('chromium', 'chromedriver')]
    if None in paths:
        pytest.skip('needs Chromium: apt-get install chromium chromium-driver')
    folder = tmp_path_factory.mktemp('browser')
    options = webdriver.ChromeOptions()
    options.binary_location = paths[0]
    switches = (
        'headless=new no-sandbox disable-gpu disable-quic no-first-run disable-sync '
        'disable-background-networking disable-component-update window-size=1280,1000 '
        f'user-data-dir={folder / "profile"}'
    )
    for switch in switches.split():
        options.add_argument(f'--{switch}')
    preferences = {
        'download.default_directory': str(folder / 'downloads'),
        'profile.default_content_setting_values.automatic_downloads': 1,
    }
    options.add_experimental_option('prefs', preferences)
    options.set_capability('goog:loggingPrefs', {'performance': 'ALL', 'browser': 'ALL'})
    service = webdriver.ChromeService(executable_path=paths[1])
    driver = webdriver.Chrome(options=options, service=service)
    driver.downloads = folder / 'downloads'
    yield driver
    driver.quit()


class Page:
    """What a visitor does."""

    def __init__(self, driver, address):
        self.driver = driver
        driver.get(address)
        self.find('#examples button img')

    def find(self, selector, seconds=60):
        """The first element that a CSS selector finds, once there is one."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = self.driver.find_elements('css selector', selector)
            if found:
                return found[0]
            time.sleep(0.1)
        raise AssertionError(f'no {selector} on the page: {self.text()}')

    def text(self):
        return self.driver.find_element('css selector', 'body').text

    def press(self, selector):
        self.driver.execute_script('arguments[0].click()', self.find(selector))

    def upload(self, modality, path):
        """Give a file, and wait until the page has it or refuses it."""
        self.find(f'#{modality}_file input[type=file]').send_keys(str(path))

    def message(self):
        """The text of the message that appears, which is then closed."""
        text = wait_for(lambda: self.find('.toast-body').text)
        self.press('.toast-close')
        return text


@pytest.fixture
def page(server, browser):
    return Page(browser, f'http://127.0.0.1:{server[0]}')


def wait_for(condition, seconds=30):
    end = time.monotonic() + seconds
    while not (result := condition()):
        assert time.monotonic() < end
        time.sleep(0.1)
    return result


def fuse_example(page):
    page.press('#examples .thumbnail-item')
    page.find('#visible_view img')
    page.press('#fuse')
    page.find('#metrics tbody tr')


def test_example_is_fused_compared_measured_and_downloaded(page, browser, tmp_path):
    from tsjnet_mm.demo.uploads import collect_examples

    fuse_example(page)
    for selector in ('#slider img', '#fused_view img', '#infrared_view img'):
        image = page.find(selector)
        wait_for(lambda image=image: image.get_property('naturalWidth') == 640)
    rows = browser.find_elements('css selector', '#metrics tbody tr')
    assert [row.text.split()[0] for row in rows] == ['SSIM', 'PSNR', 'MSE', 'VIF', 'CC', 'CV']
    assert [row.text.split()[1] for row in rows] == ['↑', '↑', '↓', '↑', '↑', '↓']
    assert not page.driver.find_elements('css selector', '#objects input')
    page.press('#download')
    file = browser.downloads / f'visible_scene_{MODEL}_fused.png'
    wait_for(file.is_file)
    files = collect_examples(tmp_path)[-1][1:]
    expected = FusionInferencer(MODEL, device='cpu', show_progress=False)(*files)[0]
    assert np.array_equal(np.asarray(Image.open(file)), expected)
    left = page.find('#slider img').get_property('src')
    page.press('#against label:nth-child(2) input')
    wait_for(lambda: page.find('#slider img').get_property('src') != left)


def test_16_bit_upload_loses_nothing(page, browser, tmp_path):
    rows, columns = np.mgrid[:96, :128]
    thermal = (7000 + 20 * rows + columns).astype(np.uint16)
    Image.fromarray(thermal).save(tmp_path / 'thermal.tif')
    Image.fromarray(np.stack([rows, columns, rows], -1).astype(np.uint8)).save(
        tmp_path / 'deep.png'
    )
    page.upload('infrared', tmp_path / 'thermal.tif')
    page.upload('visible', tmp_path / 'deep.png')
    page.find('#infrared_view img')
    page.find('#visible_view img')
    page.press('#fuse')
    page.find('#metrics tbody tr')
    expected = FusionInferencer(MODEL, device='cpu', show_progress=False)(
        tmp_path / 'thermal.tif', tmp_path / 'deep.png', ir_percentiles=(1, 99)
    )[0]

    def downloaded():
        file = browser.downloads / f'deep_{MODEL}_fused.png'
        file.unlink(missing_ok=True)
        page.press('#download')
        wait_for(file.is_file)
        return np.array_equal(np.asarray(Image.open(file)), expected)

    wait_for(downloaded)


def test_four_points_by_the_keyboard_and_the_mouse(page, browser, tmp_path):
    from selenium.webdriver import ActionChains, Keys

    moves = (Keys.ARROW_LEFT, Keys.ARROW_RIGHT), (Keys.ARROW_UP, Keys.ARROW_DOWN)
    scene = draw_scene(0, 1, (320, 240))
    Image.fromarray(scene.ir[8:, 10:]).save(tmp_path / 'ir.png')
    Image.fromarray(scene.vi).save(tmp_path / 'vi.png')
    page.upload('infrared', tmp_path / 'ir.png')
    page.upload('visible', tmp_path / 'vi.png')
    words = page.find('#overlay .words')
    wait_for(lambda: words.text.startswith('As uploaded: 310x232'))
    page.find('#overlay summary').click()
    before = page.find('#overlay .ir').get_attribute('style')
    assert not page.find('#overlay .use').is_enabled()
    for index in range(4):
        for side in (0, 1):
            pin = page.find(f'#overlay .pin[data-side="{side}"][data-index="{index}"]')
            x, y = ((60, 50), (250, 60), (240, 190), (70, 180))[index]
            wanted = x + 10 * side, y + 8 * side
            browser.execute_script(
                'arguments[0].scrollIntoView({block: "center", behavior: "instant"})', pin
            )
            ActionChains(browser).drag_and_drop_by_offset(pin, 5, -3).perform()
            for axis, keys in enumerate(moves):
                place = re.findall(r'[xy] (\d+)', pin.get_attribute('aria-label'))
                away = wanted[axis] - int(place[axis])
                pin.send_keys(keys[away > 0] * abs(away))
            label = pin.get_attribute('aria-label')
            assert label.endswith('x {}, y {}'.format(*wanted)), label
    assert page.find('#overlay .ir').get_attribute('style') != before
    page.press('#overlay .use')
    wait_for(lambda: words.text.startswith('Aligned by 4 points.'))
    page.press('#fuse')
    page.find('#metrics tbody tr')
    view = page.find('#infrared_view img')
    assert [view.get_property(f'natural{side}') for side in ('Width', 'Height')] == [320, 240]


def write_bad(folder):
    """Bad files, and the words that the page must say to each."""
    (folder / 'text.png').write_text('not an image')
    fields = struct.pack('>IIBBBBB', 50000, 50000, 8, 2, 0, 0, 0)
    chunk = b'IHDR' + fields
    data = struct.pack('>I', 13) + chunk + struct.pack('>I', zlib.crc32(chunk))
    (folder / 'bomb.png').write_bytes(b'\x89PNG\r\n\x1a\n' + data + b'\0\0\0\0IDAT')
    noise = np.random.default_rng(0).integers(0, 256, (900, 1100, 3), dtype=np.uint8)
    Image.fromarray(noise[:64, :64]).save(folder / 'torn.png')
    (folder / 'torn.png').write_bytes((folder / 'torn.png').read_bytes()[:3000])
    Image.fromarray(noise).save(folder / 'heavy.bmp')
    Image.new('CMYK', (40, 40)).save(folder / 'print.jpg')
    frames = [Image.new('L', (40, 40), level) for level in (0, 255)]
    frames[0].save(folder / 'moving.png', 'GIF', save_all=True, append_images=frames[1:])
    return {
        'text.png': 'it is damaged, or no image at all',
        'bomb.png': 'the limit is 1 megapixels',
        'torn.png': 'it is truncated or damaged',
        'print.jpg': 'its colours are CMYK',
        'moving.png': 'it is animated or has several pages',
    }


def test_bad_uploads_get_a_message_and_the_page_goes_on(page, server, tmp_path):
    for name, message in write_bad(tmp_path).items():
        page.driver.refresh()
        page.upload('infrared', tmp_path / name)
        assert message in page.message(), name
        visible = page.text()
        for leak in ('Traceback', str(tmp_path), str(server[2]), '/tmp', 'tsjnet_mm/'):
            assert leak not in visible
    page.driver.refresh()
    page.upload('infrared', tmp_path / 'heavy.bmp')
    assert 'maximum' in page.message().lower()
    page.driver.refresh()
    page.find('#examples button img')
    page.press('#fuse')
    assert 'the infrared one is missing' in page.message()
    Image.new('L', (64, 64), 9).save(tmp_path / 'ir.png')
    Image.new('RGB', (96, 64)).save(tmp_path / 'vi.png')
    page.upload('infrared', tmp_path / 'ir.png')
    page.upload('visible', tmp_path / 'vi.png')
    page.find('#infrared_view img')
    page.find('#visible_view img')
    page.press('#fuse')
    assert 'has 64x64 pixels and the visible one 96x64' in page.message()
    assert server[1].poll() is None
    page.driver.refresh()
    fuse_example(page)


def test_nothing_leaves_this_machine(page, server, browser):
    port, _, folder = server
    fuse_example(page)
    asked = []
    for entry in browser.get_log('performance'):
        message = json.loads(entry['message'])['message']
        if message['method'] == 'Network.requestWillBeSent':
            asked.append(message['params']['request']['url'])
        elif message['method'] == 'Network.webSocketCreated':
            asked.append(message['params']['url'])
    asked = [url for url in asked if not url.startswith(OWN_SCHEMES)]
    assert asked and {url.split('/')[2] for url in asked} == {f'127.0.0.1:{port}'}
    noted = (folder / 'noted').read_text().splitlines()
    assert noted and all('127.0.0.1' in line for line in noted), noted


def test_it_listens_on_this_machine_alone(server):
    listening = []
    for table in ('tcp', 'tcp6'):
        with open(f'/proc/net/{table}') as file:
            rows = [line.split() for line in file][1:]
        listening += [row[1] for row in rows if row[3] == '0A']
    ours = [address for address in listening if int(address.split(':')[1], 16) == server[0]]
    assert ours == [f'0100007F:{server[0]:04X}']
