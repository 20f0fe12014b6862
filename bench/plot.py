def svg(results):
    return ''
